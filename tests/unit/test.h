/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* cmocka with what it wants included before it, and TEST(name) { … }, which needs no list of cases. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

typedef struct TestCase {
        struct CMUnitTest test;
        int line; /* cases run in the order of their file, whatever the linker makes of it */
} TestCase;

/* The head of a case that has a set-up and a tear-down (NULL: none). Its @state is a void **. */
#define TEST_WITH(name, set_up, tear_down)                                                         \
        static void name(void **state);                                                            \
        static const TestCase case_##name = {                                                      \
                { #name, name, set_up, tear_down, NULL },                                          \
                __LINE__,                                                                          \
        };                                                                                         \
        static const TestCase *const listed_##name __attribute__((used, section("test_cases"))) =  \
                &case_##name;                                                                      \
        static void name(void **state)

#define TEST(name) TEST_WITH(name, NULL, NULL)

/** test_run() - run all cases of the program; returns its exit status. main() does it where there is no other. */
int test_run(void);
