/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The filters of sandbox-seccomp.h as the kernel takes them. They are compiled when this is built, since compiling
 * them takes longer than what a small job needs them for:
 *
 *     sandbox-seccomp-compile.c ─▶ sandbox-seccomp-generate ─▶ sandbox-seccomp-table.h ─▶ sandbox-seccomp-built.c
 *
 * Where programs for the target cannot run during the build, each worker compiles its own (sandbox-seccomp-start.c).
 */

#include <linux/filter.h>
#include <stddef.h>
#include <sys/types.h>

#include "sandbox-seccomp.h"

typedef struct SandboxSeccompProgram {
        struct sock_filter *instructions; /* owned */
        size_t n;
} SandboxSeccompProgram;

/**
 * sandbox_seccomp_program() - the filter of a step
 * @step:       not SECCOMP_NONE
 * @pid:        the process itself, the only one that it may send signals to
 * @ret:        whose instructions are freed by the caller; untouched on failure
 *
 * Return: 0 or a negative errno.
 */
int sandbox_seccomp_program(SandboxSeccompStep step, pid_t pid, SandboxSeccompProgram *ret);
