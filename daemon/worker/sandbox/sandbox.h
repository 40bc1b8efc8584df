/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a worker gives up before it reads its first untrusted byte. sandbox.c has this table as data.
 * Namespaces are entered before user and capabilities change; the rest is done from left to right.
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
 *     disk       yes           its own   none          those of blob, and   nothing       descriptors
 *                                                      mounts: the root is
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
 * A worker of root becomes the @user that the daemon has named (job-user.h), whom it shares with nobody that it
 * could harm. A worker of a user without privileges keeps its user and has no capabilities anyway; its
 * namespaces are inside a user namespace, if the kernel allows that, except the PID namespace, which only root
 * gets. In the user namespace of sandbox-owners.h it is like root: it has the capabilities for trees, over its
 * ids.
 *
 * At least one wall surrounds the file system, the mounts or Landlock, or the step fails, unless the mode
 * permits it; programs have no wall except their user. Root without permission to mount makes a tree its root
 * by chroot(2), which it cannot leave without CAP_SYS_CHROOT, and creates no device nodes. With Landlock the
 * reader of a blob, which has no system call that opens files, keeps the mounts as they are. Landlock also
 * blocks signals and abstract sockets, except for the disk worker, which ends its child, and has no system call
 * for sockets. Linux before 6.12 does not support this: the network worker, which is in the host's network, may
 * then connect to abstract sockets of the host.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "base-sandbox.h"
#include "proto-message.h"

/*
 * A @mode is SANDBOX_YES or SANDBOX_BEST_EFFORT. Functions that have one return 0; 1 if no wall surrounds the
 * file system, which only the latter allows, and SANDBOX_OPEN_WARNING is due; or a negative errno with @error
 * set: then the step must not continue.
 */

/** sandbox_enter_network() - for a step that talks to registries; read secrets before */
int sandbox_enter_network(SandboxMode mode, ProtoUser user, Error *error);

/** sandbox_enter_blob() - for a step that uses only open descriptors */
int sandbox_enter_blob(SandboxMode mode, ProtoUser user, Error *error);

/**
 * sandbox_enter_directory() - for a step that reads files below one directory
 * @dir_fd:     the directory; replaced by a descriptor for it in the sandbox
 *
 * A worker of root may read all files, like root; a worker of a user those that the user may read.
 */
int sandbox_enter_directory(SandboxMode mode, ProtoUser user, int *dir_fd, Error *error);

/**
 * sandbox_enter_tree() - for a step that works on one tree
 * @root_fd:    the tree; replaced by a descriptor for it in the sandbox
 * @ret_privileged: whether owners and all xattrs can be written
 *
 * Device nodes can be created, too, if they cannot be opened there; else creating them fails with EPERM.
 */
int sandbox_enter_tree(SandboxMode mode, int *root_fd, bool *ret_privileged, Error *error);

/**
 * sandbox_leave_network() - the first part of entering the blob and the disk sandbox
 *
 * The disk worker then starts its child, which is in the same namespaces, before it continues.
 */
int sandbox_leave_network(ProtoUser user, Error *error);

/** sandbox_enter_disk() - for a step that uses open descriptors, and directs a child */
int sandbox_enter_disk(SandboxMode mode, ProtoUser user, Error *error);

/* The descriptors that the child may reopen, with the access modes that they have. */
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
 * Also fails if one of the files is not an open descriptor.
 */
int sandbox_confine(void *userdata, Error *error);

/**
 * sandbox_enter_processes() - for a step that starts one child, reads nothing untrusted, and cleans up after it
 *
 * For root, the child is the first process of a PID namespace: all processes that it starts end with it.
 * Other users, and root without CAP_SYS_ADMIN, have no such namespace.
 */
int sandbox_enter_processes(Error *error);

/** sandbox_leave_processes() - likewise, after that child has ended: later children are outside its namespace */
int sandbox_leave_processes(Error *error);

/**
 * sandbox_enter_programs() - for a step that runs large third-party programs, which need the network and KVM
 *
 * Their only limit is that of core dumps, and the user is in the group that may use /dev/kvm.
 */
int sandbox_enter_programs(ProtoUser user, Error *error);
