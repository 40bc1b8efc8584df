/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a worker gives up before it reads its first untrusted byte.
 *
 *              no_new_privs  user      capabilities  namespaces           Landlock      seccomp
 *     network  yes           nobody    none          -                    reads system  network
 *     blob     yes           nobody    none          network, IPC, UTS    nothing       descriptors
 *     tree     yes           as it is  for trees     those, and mounts:   the tree      files
 *                                                    the tree is the root
 *
 * As a user without privileges it stays who it is, has no capabilities anyway, and the namespaces are
 * below one for the user, where the kernel allows that. Landlock is left out where the kernel has none.
 */

#include <stdbool.h>

#include "base-error.h"

/** sandbox_enter_network() - for who talks to registries; what is secret must have been read before */
int sandbox_enter_network(Error *error);

/** sandbox_enter_blob() - for who works on descriptors that are open, and on nothing else */
int sandbox_enter_blob(Error *error);

/**
 * sandbox_enter_tree() - for who works on one tree
 * @root_fd:    the tree; replaced by a descriptor for the same in the sandbox
 * @ret_privileged: whether owners, device nodes and all xattrs can be written
 *
 * Return: 0, or a negative errno with @error set: the step must not go on then.
 */
int sandbox_enter_tree(int *root_fd, bool *ret_privileged, Error *error);
