/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* qemu-storage-daemon as a child process: how it is started, and how it ended. */

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct QemuProcess QemuProcess;

typedef struct QemuProcessOptions {
        const char *program; /* a name that is looked for in $PATH, or an absolute path */
        char *const *arguments;
        const int *
                fds; /* what it inherits, under the same numbers, all over 2; borrowed for the call */
        size_t n_fds;
        int (*confine)(void *userdata, Error *error); /* as in qemu.h */
        void *userdata;
} QemuProcessOptions;

/**
 * qemu_process_start() - start it; it dies with the calling thread
 * @ret:        owned by the caller; untouched on failure
 *
 * To be called before there are other threads. What it says on standard error is kept for
 * qemu_process_explain().
 *
 * Return: 0, or a negative errno with @error set: ERROR_NOT_FOUND when it is not installed.
 */
int qemu_process_start(const QemuProcessOptions *options, QemuProcess **ret, Error *error);

/** qemu_process_free() - kill it, wait for its end, and release @process (may be NULL) */
QemuProcess *qemu_process_free(QemuProcess *process);

/**
 * qemu_process_explain() - say how it ended
 *
 * For who lost a connection to it, which comes a moment before the end. Returns a negative errno with
 * @error set, always.
 */
int qemu_process_explain(QemuProcess *process, Error *error);

DEFINE_CLEANUP(QemuProcess, qemu_process_free);
