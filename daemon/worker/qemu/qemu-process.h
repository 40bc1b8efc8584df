/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* qemu-storage-daemon as a child process: its start and its end. */

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct QemuProcess QemuProcess;

typedef struct QemuProcessOptions {
        const char *program; /* a name to find in $PATH, or an absolute path */
        char *const *arguments;
        const int *fds; /* inherited under the same numbers, all over 2; borrowed for the call */
        size_t n_fds;
        int (*confine)(void *userdata, Error *error); /* as in qemu.h */
        void *userdata;
} QemuProcessOptions;

/**
 * qemu_process_start() - start the process, which dies with the calling thread
 * @ret:        owned by the caller
 *
 * Call it before other threads exist. The standard error output is kept for qemu_process_explain().
 * ERROR_NOT_FOUND if the program is not installed.
 */
int qemu_process_start(const QemuProcessOptions *options, QemuProcess **ret, Error *error);

/** qemu_process_free() - kill and reap the process, and release @process */
QemuProcess *qemu_process_free(QemuProcess *process);

/**
 * qemu_process_explain() - describe how the process ended
 *
 * Call it after a connection to the process was lost, which happens a moment before the end. Always returns
 * a negative errno with @error set.
 */
int qemu_process_explain(QemuProcess *process, Error *error);

DEFINE_CLEANUP(QemuProcess, qemu_process_free);
