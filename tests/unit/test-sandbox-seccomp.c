/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The filters of system calls that are part of the programs. test-sandbox.c tries what they permit. */

#include <stdlib.h>
#include <unistd.h>

#include "sandbox-seccomp-compile.h"
#include "test.h"

TEST(filters_are_what_libseccomp_makes_of_the_rules) {
        for (SandboxSeccompStep step = SECCOMP_NONE + 1; step < _SECCOMP_STEP_MAX; step++) {
                SandboxSeccompProgram built, compiled;

                assert_int_equal(sandbox_seccomp_program(step, getpid(), &built), 0);
                assert_int_equal(sandbox_seccomp_compile(step, getpid(), &compiled), 0);
                assert_int_equal(built.n, compiled.n);
                assert_memory_equal(
                        built.instructions, compiled.instructions,
                        built.n * sizeof(*built.instructions));
                free(built.instructions);
                free(compiled.instructions);
        }
}

TEST(filters_differ_by_process) {
        SandboxSeccompProgram one, other;

        assert_int_equal(sandbox_seccomp_program(SECCOMP_BLOB, 1000, &one), 0);
        assert_int_equal(sandbox_seccomp_program(SECCOMP_BLOB, 1001, &other), 0);
        assert_int_equal(one.n, other.n);
        assert_memory_not_equal(
                one.instructions, other.instructions, one.n * sizeof(*one.instructions));
        free(one.instructions);
        free(other.instructions);
}
