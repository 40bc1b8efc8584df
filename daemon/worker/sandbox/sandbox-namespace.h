/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * namespaces(7): a mount namespace that has one tree, and no network.
 *
 * What a system does not allow, as kernels and containers differ, is no failure: 0 is returned then, and
 * @ret_missing is the errno value that says why. Nothing of the file system has changed then.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"

/**
 * sandbox_namespace_enter_tree() - make a directory the root of everything that this process sees
 * @with_user:  in a user namespace of its own, for who has no privileges
 * @root_fd:    the directory; replaced by a descriptor that refers to it in the new mount namespace
 * @ret_nodev:  whether device nodes in it can be made, and not be opened
 *
 * Network, IPC and host name are new ones, too. Return: 1, 0, or a negative errno with @error set.
 */
int sandbox_namespace_enter_tree(
        bool with_user, int *root_fd, bool *ret_nodev, int *ret_missing, Error *error);

/**
 * sandbox_namespace_enter_directory() - the same, to read
 *
 * Somebody else may have opened it, in a mount namespace whose mounts cannot be copied into another. Who
 * may do so has it as its root all the same, without a mount: that is no wall when others move what is in
 * it. Returns as above; 0 in this case.
 */
int sandbox_namespace_enter_directory(bool with_user, int *dir_fd, int *ret_missing, Error *error);

/**
 * sandbox_namespace_enter_paths() - a root that has nothing but some paths of the host's, to read
 * @with_user:  as above
 * @paths:      absolute; those that are missing are left out
 *
 * Only the mount namespace is a new one. Returns as above.
 */
int sandbox_namespace_enter_paths(
        bool with_user, const char *const *paths, size_t n, int *ret_missing, Error *error);

/** sandbox_namespace_change_root() - chroot(2), which cannot be left without the capability; returns as above */
int sandbox_namespace_change_root(int *root_fd, int *ret_missing, Error *error);

/** sandbox_namespace_leave_network() - only descriptors that are open still lead out; 0 as above, or 1 */
int sandbox_namespace_leave_network(bool with_user, Error *error);

/**
 * sandbox_namespace_own_processes() - what the next child starts ends with it, whoever ends it
 *
 * Return: 1, or a negative errno with @error set.
 */
int sandbox_namespace_own_processes(Error *error);

/** sandbox_namespace_share_processes() - the children that follow are this process's neighbours again; returns 0 or a
 * negative errno */
int sandbox_namespace_share_processes(void);
