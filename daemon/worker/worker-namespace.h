/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* namespaces(7): a mount namespace that has one tree, and no network. */

#include <stdbool.h>

#include "base-error.h"

/**
 * namespace_enter_tree() - make a directory the root of everything that this process sees
 * @with_user:  in a user namespace of its own, for who has no privileges
 * @root_fd:    the directory; replaced by a descriptor that refers to it in the new mount namespace
 *
 * Network, IPC and host name are new ones, too. Return: 1; 0 when this kernel does not allow a user
 * namespace, and nothing has changed; or a negative errno with @error set.
 */
int namespace_enter_tree(bool with_user, int *root_fd, Error *error);

/**
 * namespace_enter_directory() - make a directory the root, without a namespace for mounts
 *
 * Somebody else may have opened it, in a mount namespace whose mounts cannot be copied into another.
 * Return: as above, but that who may do it all the same has a new root even when 0 is returned.
 */
int namespace_enter_directory(bool with_user, int dir_fd, Error *error);

/** namespace_leave_network() - only descriptors that are open still lead out; as above */
int namespace_leave_network(bool with_user, Error *error);

/**
 * namespace_own_processes() - what the next child starts ends with it, whoever ends it
 *
 * Return: 1, or a negative errno with @error set.
 */
int namespace_own_processes(Error *error);
