/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Macros that every folder uses. */

#include <stdint.h>

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define USEC_PER_SEC UINT64_C(1000000)
