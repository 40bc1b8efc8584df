/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <time.h>

/** clock_usec() - what @clock says, in microseconds */
uint64_t clock_usec(clockid_t clock);
