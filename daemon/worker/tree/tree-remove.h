/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Removing trees, also such as an archive made to be hard to remove, and while others rename what is in them:
 * of any depth, with directories that nobody may enter. Links are removed, never followed; what is mounted in
 * a tree is not entered. Uses a few descriptors, whatever the depth, and 40 bytes for each level.
 */

#include <stddef.h>

#include "base-error.h"

/* Directories inside each other, for which there are 40 MiB. */
#define REMOVE_DEPTH_MAX ((size_t) 1 << 20)

/* How often a tree may change under the walk, which then begins again at the top, until it gives up. */
#define REMOVE_CHANGES_MAX 64U

/**
 * tree_empty() - remove all that is below @dir_fd
 * @spared:     name of what stays in it, or empty
 *
 * Directories become this user's, with mode 0700, before they are emptied. Return: 0; with @error set: -ESTALE when
 * the tree has changed more than REMOVE_CHANGES_MAX times; -EBUSY when something is mounted in it; -ELOOP
 * (ERROR_LIMIT_EXCEEDED) when it is deeper than REMOVE_DEPTH_MAX; or another negative errno.
 */
int tree_empty(int dir_fd, const char *spared, Error *error);
