/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Removes trees, even if an archive was built to make that hard, and while others rename files in them: of
 * any depth, with directories that nobody may enter. Removes links without following them, and does not
 * enter mounts. Uses a few descriptors at any depth, and 40 bytes per level.
 */

#include <stddef.h>

#include "base-error.h"

/* Nested directories, which take 40 MiB. */
#define REMOVE_DEPTH_MAX ((size_t) 1 << 20)

/* How often a change of the tree may restart the walk at the top before it gives up. */
#define REMOVE_CHANGES_MAX 64U

/**
 * tree_empty() - remove everything below @dir_fd
 * @spared:     name of an entry that stays, or empty
 *
 * Directories are given to this user, with mode 0700, before they are emptied.
 *
 * Return: 0; -ESTALE if the tree has changed more than REMOVE_CHANGES_MAX times; -EBUSY if something is
 * mounted in it; -ELOOP (ERROR_LIMIT_EXCEEDED) if it is deeper than REMOVE_DEPTH_MAX; or another negative
 * errno.
 */
int tree_empty(int dir_fd, const char *spared, Error *error);
