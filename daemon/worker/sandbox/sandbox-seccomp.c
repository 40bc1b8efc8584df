/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox-seccomp-program.h"

int sandbox_seccomp_apply(SandboxSeccompStep step, Error *error) {
        SandboxSeccompProgram program;
        struct sock_fprog filter;
        int r;

        if (step == SECCOMP_NONE)
                return 0;

        r = sandbox_seccomp_program(step, getpid(), &program);
        if (r >= 0) {
                filter = (struct sock_fprog){
                        .len = (unsigned short) program.n,
                        .filter = program.instructions,
                };
                r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? -errno : 0;
                free(program.instructions);
        }
        return r < 0 ? error_set_errno(error, -r, "Cannot apply the system call filter") : 0;
}
