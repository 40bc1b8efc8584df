/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Root's password in a root file system: shadow(5). */

#include <stddef.h>

#include "base-error.h"
#include "unpack-target.h"

#define SHADOW_BYTES_MAX ((size_t) 1 << 20)

/**
 * password_shadow_edit() - replace the password hash of root in shadow text; a pure function
 * @text:       @size bytes; need not end in a newline
 * @hash:       the new second field; no ':' and no newline in it
 * @day:        days since 1970-01-01, the new third field ("last change")
 * @ret:        the new text, owned by the caller
 *
 * Changes only these two fields of the first line that starts with exactly "root:".
 *
 * Return: 0; -ENOENT if no such line exists; -EINVAL if it has fewer than three fields, or @hash is
 * invalid; -EFBIG if @size exceeds SHADOW_BYTES_MAX; -ENOMEM.
 */
int password_shadow_edit(
        const char *text, size_t size, const char *hash, long day, char **ret, size_t *ret_size);

/**
 * password_set_root() - set root's password in etc/shadow of @target
 * @password:   at most ROOT_PASSWORD_MAX bytes
 *
 * Links in the path of etc/shadow stay inside the root; the file itself must be regular, of at most
 * SHADOW_BYTES_MAX. A new file with the same owner, mode and xattrs replaces it; other hard links keep
 * the old content. The times of the directory do not change. After a failure the file may be missing.
 */
int password_set_root(UnpackTarget *target, const char *password, Error *error);
