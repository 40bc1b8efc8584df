/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "sandbox-seccomp-program.h"
#include "sandbox-seccomp-table.h"

int sandbox_seccomp_program(SandboxSeccompStep step, pid_t pid, SandboxSeccompProgram *ret) {
        SandboxSeccompProgram program;

        assert(step < N_ELEMENTS(seccomp_table) && seccomp_table[step].n > 0);

        program.n = seccomp_table[step].n;
        program.instructions = calloc(program.n, sizeof(*program.instructions));
        if (!program.instructions)
                return -ENOMEM;

        memcpy(program.instructions, seccomp_table[step].instructions,
               program.n * sizeof(*program.instructions));
        assert(program.instructions[seccomp_table[step].pid_at].k == SECCOMP_TABLE_PID);
        program.instructions[seccomp_table[step].pid_at].k = (uint32_t) pid;
        *ret = program;
        return 0;
}
