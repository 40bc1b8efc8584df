/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a worker gives up before it reads its first untrusted byte. sandbox.c has this table as data. The
 * namespaces come before the user and the capabilities, all else goes from left to right.
 *
 *                no_new_privs  user      capabilities  namespaces           Landlock      seccomp
 *     network    yes           its own   none          mounts: the root     reads system, network,
 *                                                      has what the system  no abstract   resolvers
 *                                                      reads to find names  sockets of
 *                                                      and to trust         others
 *     blob       yes           its own   none          network, IPC, UTS    nothing       descriptors
 *     directory  yes           its own   to read       those, and mounts:   reads it      and openat2
 *                                                      it is the root,
 *                                                      read-only
 *     tree       yes           as it is  for trees     those, and mounts:   the tree      files
 *                                                      it is the root,
 *                                                      nodev, nosuid,
 *                                                      noexec
 *     disk       yes           its own   none          those of blob, and   nothing       descriptors,
 *                                                      mounts: the root is                local sockets
 *                                                      empty
 *     its child  yes           its own   none          those of blob, and   reads         all but what
 *                                                      mounts: the root has programs,     is known to be
 *                                                      programs and its     opens images  bad
 *                                                      own descriptors
 *     processes  no            as it is  as they are   for its children:    -             -
 *                                                      processes
 *     programs   yes           its own   none          (those), mounts: its -             -
 *                                                      place over all others
 *
 * A worker of root becomes the @user that the daemon has named (job-user.h): none that it could harm is the
 * same. As a user without privileges it stays who it is, has no capabilities anyway, and the namespaces are
 * below one for the user, where the kernel allows that; but not that of processes, which is root's alone.
 * In the user namespace of sandbox-owners.h it is like root: with the capabilities for trees, over its ids.
 *
 * Around the file system there is at least one wall, the mounts or Landlock, or the step fails, unless the
 * mode says otherwise; programs have none but their user. Root that may not mount has a tree as its root by
 * chroot(2), which without CAP_SYS_CHROOT it cannot leave, and makes no device nodes. With Landlock a blob's
 * reader, which has no system call that opens anything, keeps the mounts as they are. Landlock also keeps signals
 * and abstract sockets inside, but for the disk worker, which ends its child, and talks to it over such a
 * socket; before Linux 6.12 it cannot: the network worker may then connect to abstract sockets of the host, since
 * it is in the host's network.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "base-sandbox.h"
#include "proto-message.h"

/*
 * What has a @mode is SANDBOX_YES or SANDBOX_BEST_EFFORT. It returns 0; 1 when it has no wall around the file
 * system, as only the latter allows, and SANDBOX_OPEN_WARNING is due; or a negative errno with @error set: the
 * step must not go on then.
 */

/** sandbox_enter_network() - for who talks to registries; what is secret must have been read before */
int sandbox_enter_network(SandboxMode mode, ProtoUser user, Error *error);

/** sandbox_enter_blob() - for who works on descriptors that are open, and on nothing else */
int sandbox_enter_blob(SandboxMode mode, ProtoUser user, Error *error);

/**
 * sandbox_enter_directory() - for who reads files below one directory
 * @dir_fd:     the directory; replaced by a descriptor for the same in the sandbox
 *
 * Of root it may read all of them, as root may; of a user those that the user may read.
 */
int sandbox_enter_directory(SandboxMode mode, ProtoUser user, int *dir_fd, Error *error);

/**
 * sandbox_enter_tree() - for who works on one tree
 * @root_fd:    the tree; replaced by a descriptor for the same in the sandbox
 * @ret_privileged: whether owners and all xattrs can be written
 *
 * Device nodes can be made, too, where they cannot be opened; else making them is EPERM.
 */
int sandbox_enter_tree(SandboxMode mode, int *root_fd, bool *ret_privileged, Error *error);

/**
 * sandbox_leave_network() - the first part of entering the blob and the disk sandbox
 *
 * The disk worker starts its child in between, which is in the same namespaces then.
 */
int sandbox_leave_network(ProtoUser user, Error *error);

/** sandbox_enter_disk() - for who works on descriptors that are open, and tells a child what to do */
int sandbox_enter_disk(SandboxMode mode, ProtoUser user, Error *error);

/* The descriptors that the child may open again, for what they are open for. */
typedef struct SandboxFiles {
        SandboxMode mode;
        ProtoUser user;
        const int *fds; /* borrowed */
        size_t n_fds;
} SandboxFiles;

/**
 * sandbox_confine() - for the disk worker's child, before it executes its program
 * @userdata:   a SandboxFiles
 *
 * Fails also with a member of the files that is no open descriptor.
 */
int sandbox_confine(void *userdata, Error *error);

/**
 * sandbox_enter_processes() - for who starts one child, reads nothing untrusted, and cleans up behind it
 *
 * Of root the child is the first process of a PID namespace: all that it starts ends with it. Others have
 * none, as root without CAP_SYS_ADMIN. Return: 0, or a negative errno with @error set.
 */
int sandbox_enter_processes(Error *error);

/** sandbox_leave_processes() - for the same, once that child has ended: others can follow, which are none of its
 * namespace; returns 0, or a negative errno with @error set */
int sandbox_leave_processes(Error *error);

/**
 * sandbox_enter_programs() - for who runs large programs of others, which need the network and KVM
 *
 * They get no limit but for core dumps, and the user is in the group that may use /dev/kvm. Return: 0, or a
 * negative errno with @error set.
 */
int sandbox_enter_programs(ProtoUser user, Error *error);
