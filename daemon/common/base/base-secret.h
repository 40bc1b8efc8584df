/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Secrets, which must not stay in freed memory. */

#include <stddef.h>

/** secret_free() - clear all bytes of an allocation, and release it */
void secret_free(void *secret);

/** secret_freep() - the same, for use with _cleanup_() on a pointer */
void secret_freep(void *secret);

/** secret_realloc() - as realloc(3), which may leave a copy of the bytes where they were */
void *secret_realloc(void *secret, size_t size);
