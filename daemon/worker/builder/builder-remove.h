/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing a tree with no way out of it: a process that has it as its root directory, and nothing else, empties it. */

#include "base-error.h"
#include "base-sandbox.h"

/**
 * builder_remove() - remove @name in @dir_fd, and all that is below it, with a child process
 * @mode:       of the child's sandbox, which is that of tree workers
 * @dir_fd:     where nobody else may rename anything
 * @fd:         of what is to be removed, a directory; borrowed
 *
 * For who has one thread. Return: 0; with @error set: -EBUSY when something is mounted below it, and nothing
 * was removed; as tree_empty(); or another negative errno.
 */
int builder_remove(SandboxMode mode, int dir_fd, const char *name, int fd, Error *error);
