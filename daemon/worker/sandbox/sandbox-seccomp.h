/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * seccomp(2): the system calls that a step needs, and no others. What is not on the list fails with
 * EPERM; what no worker has any business with ends it (SIGSYS). fcntl(2) can do nothing that has signals
 * sent, and ioctl(2) next to nothing.
 */

#include "base-error.h"

typedef enum SandboxSeccompStep {
        SECCOMP_NONE,      /* no filter */
        SECCOMP_BLOB,      /* descriptors that are open */
        SECCOMP_DIRECTORY, /* and openat2(2) */
        SECCOMP_TREE,      /* descriptors, and files below the root */
        SECCOMP_DISK,      /* descriptors, local sockets, and a child's end */
        SECCOMP_NETWORK,   /* descriptors, TCP, UDP and local sockets, and files to read */
        /* A program of others, executed afterwards, whose needs change from version to version. All is
         * allowed but what ends a worker (execve(2) excepted), what changes other files than those that
         * are open, other processes, what processes share by name, and sockets that are not local. */
        SECCOMP_PROGRAM,
        _SECCOMP_STEP_MAX,
} SandboxSeccompStep;

/** sandbox_seccomp_apply() - from now on; needs no_new_privs; returns 0 or a negative errno with @error set */
int sandbox_seccomp_apply(SandboxSeccompStep step, Error *error);
