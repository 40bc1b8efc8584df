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

/** namespace_leave_network() - only descriptors that are open still lead out; as above */
int namespace_leave_network(bool with_user, Error *error);
