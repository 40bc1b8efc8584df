/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is mounted where, from /proc/self/mountinfo: see proc(5). */

#include <stddef.h>

#include "base-error.h"

#define MOUNTS_NAMED_MAX 8                   /* the others are counted */
#define MOUNTINFO_MAX    ((size_t) 64 << 20) /* bytes; the kernel allows 100000 mounts */

/**
 * mounts_below() - find mounts below a directory, including other places where it is mounted
 * @mountinfo:  the text; modified
 * @path:       of the directory, absolute, without links in it
 * @ret_names:  the paths of the first MOUNTS_NAMED_MAX and the number of the others, for a sentence; owned by the
 *              caller; NULL if there are none
 *
 * A mount on the directory itself does not count, unless it is on the directory only at another place. A pure
 * function. Return: their number; -EBADMSG if the text is malformed; -ENOMEM.
 */
int mounts_below(char *mountinfo, const char *path, char **ret_names);

/**
 * mounts_find() - mounts_below() for this process's mounts
 *
 * Return: their number.
 */
int mounts_find(const char *path, char **ret_names, Error *error);
