/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of a sandbox a worker needs to continue: Sandbox= in virt-bootstrapd.conf(5). */

typedef enum SandboxMode {
        SANDBOX_NO,
        SANDBOX_YES,         /* at least one wall around the file system, and all other walls */
        SANDBOX_BEST_EFFORT, /* the same, but without a wall around the file system if necessary */
        _SANDBOX_MODE_MAX,
} SandboxMode;

/* The warning of a worker that continues so; the daemon passes it on once per job. */
#define SANDBOX_OPEN_WARNING                                                                       \
        "This system has neither a mount namespace nor Landlock for a step of this job: nothing "  \
        "but permissions keeps it from the host's files (Sandbox=best-effort)"
