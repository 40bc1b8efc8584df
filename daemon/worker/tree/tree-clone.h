/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Clones a tree, so that the copy can be changed and replace it: creates directories, with owner, mode,
 * xattrs and times, and hard links to everything else. Writers to the clone must replace files, not change
 * them.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

#define TREE_CLONE_DEPTH_MAX ((size_t) 1024)

/**
 * tree_clone() - clone @name in @dir_fd into the existing, empty directory @target
 *
 * Return: 0; -EXDEV if something is mounted in it; -ELOOP (ERROR_LIMIT_EXCEEDED) if it is deeper than
 * TREE_CLONE_DEPTH_MAX; or another negative errno.
 */
int tree_clone(int dir_fd, const char *name, const char *target, Error *error);

/**
 * tree_clone_check() - check that nothing was created, removed or renamed in @name in @dir_fd since it was cloned
 * @cloned:     when cloning began, in ns of CLOCK_REALTIME
 * @modified:   its last modification before that, in ns
 *
 * Data written to files is in the clone, too.
 *
 * Return: 0; -EBUSY (ERROR_DESTINATION_BUSY), naming a directory that changed; or another negative errno.
 */
int tree_clone_check(
        int dir_fd, const char *name, uint64_t cloned, uint64_t modified, Error *error);
