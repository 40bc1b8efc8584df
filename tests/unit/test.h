/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* cmocka with what it wants included before it. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define CASE(fn) cmocka_unit_test(fn)

#define CASE_WITH(fn, setup, teardown) cmocka_unit_test_setup_teardown(fn, setup, teardown)
