/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a worker gives up before it reads its first untrusted byte.
 *
 *                no_new_privs  user      capabilities  namespaces           Landlock      seccomp
 *     network    yes           nobody    none          -                    reads system  network
 *     blob       yes           nobody    none          network, IPC, UTS    nothing       descriptors
 *     directory  yes           nobody    to read       those; it is the     reads it      and openat2
 *                                                      root
 *     tree       yes           as it is  for trees     those, and mounts:   the tree      files
 *                                                      the tree is the root
 *     disk       yes           nobody    none          those of blob        nothing       descriptors,
 *                                                                                        local sockets
 *     its child  yes           nobody    none          those of blob        reads         all but what
 *                                                                          programs,     is known to be
 *                                                                          opens images  bad
 *     processes  no            as it is  as they are   for its children:    -             -
 *                                                      processes
 *     programs   yes           nobody    none          (those)              -             -
 *
 * As a user without privileges it stays who it is, has no capabilities anyway, and the namespaces are
 * below one for the user, where the kernel allows that; but not that of processes, which is root's alone.
 * Landlock is left out where the kernel has none, and the namespaces of a tree where root may not mount.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"

/** sandbox_enter_network() - for who talks to registries; what is secret must have been read before */
int sandbox_enter_network(Error *error);

/** sandbox_enter_blob() - for who works on descriptors that are open, and on nothing else */
int sandbox_enter_blob(Error *error);

/**
 * sandbox_enter_directory() - for who reads files below one directory
 * @dir_fd:     the directory
 *
 * Of root it may read all of them, as root may; of a user those that the user may read. Return: 0, or a
 * negative errno with @error set.
 */
int sandbox_enter_directory(int dir_fd, Error *error);

/**
 * sandbox_enter_tree() - for who works on one tree
 * @root_fd:    the tree; replaced by a descriptor for the same in the sandbox
 * @ret_privileged: whether owners, device nodes and all xattrs can be written
 *
 * Return: 0, or a negative errno with @error set: the step must not go on then.
 */
int sandbox_enter_tree(int *root_fd, bool *ret_privileged, Error *error);

/**
 * sandbox_leave_network() - the first part of entering the blob and the disk sandbox
 *
 * The disk worker starts its child in between, which is in the same namespaces then.
 */
int sandbox_leave_network(Error *error);

/** sandbox_enter_disk() - for who works on descriptors that are open, and tells a child what to do */
int sandbox_enter_disk(Error *error);

/* The descriptors that the child may open again, for what they are open for. */
typedef struct SandboxFiles {
        const int *fds; /* borrowed */
        size_t n_fds;
} SandboxFiles;

/**
 * sandbox_confine() - for the disk worker's child, before it executes its program
 * @userdata:   a SandboxFiles
 *
 * Returns as sandbox_enter_tree(), also with a member of the files that is no open descriptor.
 */
int sandbox_confine(void *userdata, Error *error);

/**
 * sandbox_enter_processes() - for who starts one child, reads nothing untrusted, and cleans up behind it
 *
 * Of root the child is the first process of a PID namespace: all that it starts ends with it. Others have
 * none, as root without CAP_SYS_ADMIN. Return: 0, or a negative errno with @error set.
 */
int sandbox_enter_processes(Error *error);

/**
 * sandbox_enter_programs() - for who runs large programs of others, which need the network and KVM
 *
 * They get no limit but for core dumps, and nobody is in the group that may use /dev/kvm. Return: 0, or a
 * negative errno with @error set.
 */
int sandbox_enter_programs(Error *error);
