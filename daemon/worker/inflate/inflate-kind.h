/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a file is that somebody took for a tar archive. A pure function of its first bytes. */

#include <stddef.h>
#include <stdint.h>

/** inflate_kind_of() - "a zip archive", …; NULL when it is none of those that are often met; static */
const char *inflate_kind_of(const uint8_t *head, size_t size);
