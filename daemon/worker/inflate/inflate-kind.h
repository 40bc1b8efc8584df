/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Recognizes files that were mistaken for a tar archive. A pure function of their first bytes. */

#include <stddef.h>
#include <stdint.h>

/** inflate_kind_of() - "a zip archive", …; NULL if it is not a common kind; static */
const char *inflate_kind_of(const uint8_t *head, size_t size);
