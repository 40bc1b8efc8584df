/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must not stay in memory that was given back. */

/** secret_free() - clear all bytes of an allocation, and release it (may be NULL) */
void secret_free(void *secret);

/** secret_freep() - the same, for use with _cleanup_() on a pointer */
void secret_freep(void *secret);
