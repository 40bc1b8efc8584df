/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base-clock.h"
#include "base-macro.h"

uint64_t clock_usec(clockid_t clock) {
        struct timespec now;

        (void) clock_gettime(clock, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}
