/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A root directory of a worker's own, in which some of the host's files and directories are mounted. */

#include <stddef.h>

/**
 * sandbox_root_new() - an empty one, on top of the root of this mount namespace
 *
 * Return: a descriptor, or a negative errno.
 */
int sandbox_root_new(void);

/**
 * sandbox_root_add() - have @path of the host in @root_fd, too, where it is on the host
 *
 * With all mounts below it. What is missing, or is below something that was added before, is left out.
 * Return: 0 or a negative errno.
 */
int sandbox_root_add(int root_fd, const char *path);

/** sandbox_root_close() - nothing in it can be changed from now on; returns 0 or a negative errno */
int sandbox_root_close(int root_fd);
