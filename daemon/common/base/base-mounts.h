/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is mounted where, from /proc/self/mountinfo: see proc(5). */

#include <stddef.h>

#include "base-error.h"

#define MOUNTS_NAMED_MAX 8                   /* the others are counted */
#define MOUNTINFO_MAX    ((size_t) 64 << 20) /* bytes; the kernel allows 100000 mounts */

/**
 * mounts_below() - what is mounted below a directory, also where that is seen at another place
 * @mountinfo:  the text, which is changed
 * @path:       of the directory, absolute, without links in it
 * @ret_names:  the paths of the first MOUNTS_NAMED_MAX, for a sentence, and how many more there are; owned by the caller;
 *              NULL when there are none
 *
 * What is mounted on the directory itself does not count, unless it is there at another place only. A pure
 * function. Return: how many they are; -EBADMSG when it is no such text; -ENOMEM.
 */
int mounts_below(char *mountinfo, const char *path, char **ret_names);

/**
 * mounts_find() - mounts_below() of what this process sees
 *
 * Return: how many they are, or a negative errno with @error set.
 */
int mounts_find(const char *path, char **ret_names, Error *error);
