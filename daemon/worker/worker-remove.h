/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Removing trees, also such as an archive made to be hard to remove: of any depth, with directories
 * that nobody may enter. Links are removed, never followed. Uses a few descriptors, whatever the depth.
 */

#include "base-error.h"

/** worker_empty_tree() - remove all that is below @dir_fd; returns 0 or a negative errno with @error set */
int worker_empty_tree(int dir_fd, Error *error);

/** worker_remove_tree() - remove @name in @dir_fd, and all that is below it; it may be missing */
int worker_remove_tree(int dir_fd, const char *name, Error *error);
