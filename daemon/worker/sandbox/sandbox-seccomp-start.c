/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sandbox-seccomp-compile.h"

int sandbox_seccomp_program(SandboxSeccompStep step, pid_t pid, SandboxSeccompProgram *ret) {
        return sandbox_seccomp_compile(step, pid, ret);
}
