/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of a sandbox a worker needs before it goes on: Sandbox= in virt-bootstrapd.conf(5). */

typedef enum SandboxMode {
        SANDBOX_NO,
        SANDBOX_YES,         /* at least one wall around the file system, and all that is not one */
        SANDBOX_BEST_EFFORT, /* the same without any wall around the file system, if need be */
        _SANDBOX_MODE_MAX,
} SandboxMode;

/* What a worker warns of that goes on so; the daemon passes it on once a job. */
#define SANDBOX_OPEN_WARNING                                                                       \
        "This system has neither a mount namespace nor Landlock for a step of this job: nothing "  \
        "but permissions keeps it from the host's files (Sandbox=best-effort)"
