/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cloning a tree, so that a copy of it can be changed and take its place: directories are made anew, with
 * owner, mode, xattrs and times; all else becomes a hard link. What writes into the clone must replace
 * files, not change them.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

#define TREE_CLONE_DEPTH_MAX ((size_t) 1024)

/**
 * tree_clone() - clone @name in @dir_fd into the existing, empty directory @target
 *
 * Return: 0; -EXDEV when something is mounted in it; -ELOOP (ERROR_LIMIT_EXCEEDED) when it is deeper than
 * TREE_CLONE_DEPTH_MAX; or another negative errno, with @error set.
 */
int tree_clone(int dir_fd, const char *name, const char *target, Error *error);

/**
 * tree_clone_check() - whether nothing was made, removed or renamed in @name in @dir_fd since it was cloned
 * @cloned:     when that began, in ns of CLOCK_REALTIME
 * @modified:   when it was modified last before that, in ns
 *
 * What is written into files is in the clone, too.
 *
 * Return: 0; -EBUSY (ERROR_DESTINATION_BUSY), which names a directory; or another negative errno, with @error set.
 */
int tree_clone_check(
        int dir_fd, const char *name, uint64_t cloned, uint64_t modified, Error *error);
