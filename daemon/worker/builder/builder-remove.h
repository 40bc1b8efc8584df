/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes a tree without a way out of it: a process that sees only this tree, as its root, empties it. */

#include "base-error.h"
#include "base-sandbox.h"

/**
 * builder_remove() - remove the directory @name in @dir_fd and its content, by a child process
 * @mode:       of the child's sandbox, which is that of tree workers
 * @dir_fd:     a directory in which nobody else may rename anything
 * @fd:         of the directory to remove; borrowed
 *
 * The caller must have one thread.
 *
 * Return: 0; -EBUSY if something is mounted below it, and nothing was removed; as tree_empty(); or another
 * negative errno.
 */
int builder_remove(SandboxMode mode, int dir_fd, const char *name, int fd, Error *error);
