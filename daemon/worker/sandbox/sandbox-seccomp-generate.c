/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs during the build, and prints sandbox-seccomp-table.h. */

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "sandbox-seccomp-compile.h"

/* In place of the worker's PID, which is not known yet: no process has it (PID_MAX_LIMIT), and no rule this value. */
#define PLACEHOLDER 0x7abcdef1U

#define API_LEVEL 3 /* has SCMP_ACT_KILL_PROCESS */

/* Returns where the placeholder is, which must be there once. */
static size_t find_placeholder(const SandboxSeccompProgram *program) {
        size_t at = program->n;

        for (size_t i = 0; i < program->n; i++) {
                if (program->instructions[i].k != PLACEHOLDER)
                        continue;
                if (at != program->n ||
                    program->instructions[i].code != (BPF_JMP | BPF_JEQ | BPF_K))
                        abort();
                at = i;
        }
        if (at == program->n)
                abort();
        return at;
}

static int print_program(SandboxSeccompStep step) {
        SandboxSeccompProgram program = { 0 };
        int r;

        r = sandbox_seccomp_compile(step, PLACEHOLDER, &program);
        if (r < 0) {
                (void) fprintf(stderr, "Cannot compile filter %u: %s\n", step, strerror(-r));
                return r;
        }

        (void) printf(
                "        [%u] = {\n                .n = %zu,\n                .pid_at = %zu,\n"
                "                .instructions = (const struct sock_filter[]){\n",
                step, program.n, find_placeholder(&program));
        for (size_t i = 0; i < program.n; i++)
                (void) printf(
                        "                        { %#x, %u, %u, %#x },\n",
                        program.instructions[i].code, program.instructions[i].jt,
                        program.instructions[i].jf, program.instructions[i].k);
        (void) printf("                },\n        },\n");
        free(program.instructions);
        return 0;
}

int main(void) {
        int r;

        /* What the kernel supports that this is built on says nothing about the one that it will run on. */
        r = seccomp_api_set(API_LEVEL);
        if (r < 0) {
                (void) fprintf(stderr, "This libseccomp is too old: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }

        (void) printf(
                "/* Made by sandbox-seccomp-generate.c. */\n\n"
                "#define SECCOMP_TABLE_PID %#xU\n\n"
                "static const struct {\n        size_t n, pid_at;\n"
                "        const struct sock_filter *instructions;\n} seccomp_table[] = {\n",
                PLACEHOLDER);
        for (SandboxSeccompStep step = SECCOMP_NONE + 1; r >= 0 && step < _SECCOMP_STEP_MAX; step++)
                r = print_program(step);
        (void) printf("};\n");
        return r < 0 || fflush(stdout) != 0 || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
