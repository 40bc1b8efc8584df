/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The entry point that libFuzzer calls; a broken invariant calls __builtin_trap(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
