/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * seccomp(2): permits the system calls that a step needs, and no others. Other calls fail with EPERM; those
 * that no worker needs kill it (SIGSYS). fcntl(2) cannot request signals, and ioctl(2) can do next to
 * nothing.
 */

#include "base-error.h"

typedef enum SandboxSeccompStep {
        SECCOMP_NONE,      /* no filter */
        SECCOMP_BLOB,      /* open descriptors */
        SECCOMP_DIRECTORY, /* also openat2(2) */
        SECCOMP_TREE,      /* descriptors, and files below the root */
        SECCOMP_DISK,      /* descriptors, and ending a child */
        SECCOMP_NETWORK,   /* descriptors, TCP, UDP and local sockets, and files to read */
        /* A third-party program, executed afterwards, whose needs vary between versions. Permits all
         * calls except those that kill a worker (but execve(2) is permitted), changes of files other
         * than open ones, access to other processes, IPC by name, and sockets that are not local. */
        SECCOMP_PROGRAM,
        _SECCOMP_STEP_MAX,
} SandboxSeccompStep;

/** sandbox_seccomp_apply() - apply the filter from now on; needs no_new_privs */
int sandbox_seccomp_apply(SandboxSeccompStep step, Error *error);
