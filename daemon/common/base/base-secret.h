/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Secrets, which must not stay in freed memory. */

#include <stddef.h>

/** secret_free() - clear all bytes of an allocation, and release it */
void secret_free(void *secret);

/** secret_freep() - the same, for use with _cleanup_() on a pointer */
void secret_freep(void *secret);

/** secret_realloc() - like realloc(3), but leaves no copy of the bytes behind */
void *secret_realloc(void *secret, size_t size);
