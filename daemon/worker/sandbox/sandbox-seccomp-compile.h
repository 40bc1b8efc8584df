/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which system calls each step may use, and the filters that libseccomp makes of that. */

#include "sandbox-seccomp-program.h"

/** sandbox_seccomp_compile() - as sandbox_seccomp_program(), by libseccomp */
int sandbox_seccomp_compile(SandboxSeccompStep step, pid_t pid, SandboxSeccompProgram *ret);
