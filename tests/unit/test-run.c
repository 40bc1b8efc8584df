/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The linker's names for the ends of the section. */
extern const TestCase *const __start_test_cases[], *const __stop_test_cases[];

static int compare_lines(const void *a, const void *b) {
        const TestCase *const *left = a, *const *right = b;

        return (*left)->line - (*right)->line;
}

int test_run(void) {
        const size_t n = (size_t) (__stop_test_cases - __start_test_cases);
        const TestCase **cases = calloc(n, sizeof(*cases));
        struct CMUnitTest *tests = calloc(n, sizeof(*tests));
        const char *name = program_invocation_short_name;
        int r;

        if (!cases || !tests)
                abort();

        memcpy(cases, __start_test_cases, n * sizeof(*cases));
        qsort(cases, n, sizeof(*cases), compare_lines);
        for (size_t i = 0; i < n; i++)
                tests[i] = cases[i]->test;

        r = _cmocka_run_group_tests(
                strncmp(name, "test-", 5) == 0 ? name + 5 : name, tests, n, NULL, NULL);
        free(cases);
        free(tests);
        return r;
}
