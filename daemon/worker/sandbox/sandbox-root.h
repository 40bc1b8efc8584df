/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A root directory for a worker, in which some files and directories of the host are mounted. */

#include <stddef.h>

/**
 * sandbox_root_new() - create an empty one, on top of the root of this mount namespace
 *
 * Return: a descriptor, owned by the caller.
 */
int sandbox_root_new(void);

/**
 * sandbox_root_add() - mount @path of the host, with all mounts below it, at the same path in @root_fd
 *
 * Does nothing if it is missing, or below a path that was added before.
 */
int sandbox_root_add(int root_fd, const char *path);

/** sandbox_root_close() - make it read-only */
int sandbox_root_close(int root_fd);
