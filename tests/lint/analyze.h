/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * For analyzers, which see one file at a time, included before it: what sets an error returns a
 * negative number. So after `if (r < 0) return r;` the outputs of a function are known to be set.
 */

#include "base-error.h"

#ifdef __clang__
#define analyze_assume(what) __builtin_assume(what)
#else
#define analyze_assume(what)                                                                       \
        do {                                                                                       \
                if (!(what))                                                                       \
                        __builtin_unreachable();                                                   \
        } while (0)
#endif
#define analyze_negative(call)                                                                     \
        ({                                                                                         \
                const int negative = (call);                                                       \
                analyze_assume(negative < 0);                                                      \
                negative;                                                                          \
        })
#define error_set(...)       analyze_negative(error_set(__VA_ARGS__))
#define error_set_errno(...) analyze_negative(error_set_errno(__VA_ARGS__))
#define error_oom(...)       analyze_negative(error_oom(__VA_ARGS__))
