/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Root's password in a root file system: shadow(5). */

#include <stddef.h>

#include "base-error.h"
#include "unpack-target.h"

#define SHADOW_BYTES_MAX ((size_t) 1 << 20)

/**
 * password_shadow_edit() - shadow text with another password hash for root; a pure function
 * @text:       @size bytes; need not end in a newline
 * @hash:       the new second field; no ':' and no newline in it
 * @day:        days since 1970-01-01, the new third field ("last change")
 * @ret:        the new text, owned by the caller; untouched on failure
 *
 * Only the first line that starts with exactly "root:" changes, and only these two fields of it.
 *
 * Return: 0; -ENOENT when there is no such line; -EINVAL when it has fewer than three fields, or
 * @hash is none; -EFBIG when @size is over SHADOW_BYTES_MAX; -ENOMEM.
 */
int password_shadow_edit(
        const char *text, size_t size, const char *hash, long day, char **ret, size_t *ret_size);

/**
 * password_set_root() - set root's password in etc/shadow of @target
 * @password:   at most ROOT_PASSWORD_MAX bytes
 *
 * Links on the way to etc/shadow stay inside the root; itself it must be a regular file of at most
 * SHADOW_BYTES_MAX. It is replaced by a new file of the same owner, mode and xattrs, while other
 * names that it has keep the old one. The times of the directory stay.
 *
 * Return: 0, or a negative errno with @error set; the file may be missing then.
 */
int password_set_root(UnpackTarget *target, const char *password, Error *error);
