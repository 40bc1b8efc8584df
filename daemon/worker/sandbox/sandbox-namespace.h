/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * namespaces(7): a mount namespace with one tree, and no network.
 *
 * Kernels and containers differ in what they allow. If the system does not allow something, that is not a
 * failure: the function returns 0, and an errno value in @ret_missing that says why. The view of the file
 * system has not changed then. Otherwise it returns 1.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"

/**
 * sandbox_namespace_enter_tree() - make a directory the root of everything that this process sees
 * @with_user:  in a user namespace of its own, for a caller without privileges
 * @root_fd:    the directory; replaced by a descriptor that refers to it in the new mount namespace
 * @ret_nodev:  whether device nodes in it can be created, but not opened
 *
 * The network, IPC and UTS namespaces are new, too.
 */
int sandbox_namespace_enter_tree(
        bool with_user, int *root_fd, bool *ret_nodev, int *ret_missing, Error *error);

/**
 * sandbox_namespace_enter_directory() - likewise, read-only
 *
 * Another process may have opened the directory, in a mount namespace whose mounts cannot be copied. Then
 * it becomes the root without a mount, if this process may do that, and 0 is returned: this is not a wall
 * if others move directories in it.
 */
int sandbox_namespace_enter_directory(bool with_user, int *dir_fd, int *ret_missing, Error *error);

/**
 * sandbox_namespace_enter_paths() - enter a root with only some paths of the host, read-only
 * @with_user:  as above
 * @paths:      absolute; missing ones are skipped
 *
 * Only the mount namespace is new.
 */
int sandbox_namespace_enter_paths(
        bool with_user, const char *const *paths, size_t n, int *ret_missing, Error *error);

/** sandbox_namespace_change_root() - chroot(2), which cannot be left without the capability */
int sandbox_namespace_change_root(int *root_fd, int *ret_missing, Error *error);

/** sandbox_namespace_leave_network() - only open descriptors still lead out; returns 1, or 0 if not allowed */
int sandbox_namespace_leave_network(bool with_user, Error *error);

/**
 * sandbox_namespace_own_processes() - all processes that the next child starts end with it, whatever ends it
 *
 * Return: 1.
 */
int sandbox_namespace_own_processes(Error *error);

/** sandbox_namespace_share_processes() - put later children into this process's own PID namespace again */
int sandbox_namespace_share_processes(void);
