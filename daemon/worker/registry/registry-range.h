/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Content-Range header (RFC 9110, 14.4) of an answer to a request for "bytes=START-". */

#include <stdint.h>

#define REGISTRY_SIZE_UNKNOWN UINT64_MAX

typedef struct RegistryRange {
        uint64_t first; /* offset of the first byte */
        uint64_t last;  /* of the last one, >= @first */
        uint64_t total; /* bytes of the whole, > @last; or REGISTRY_SIZE_UNKNOWN */
} RegistryRange;

/**
 * registry_range_parse() - read "bytes FIRST-LAST/TOTAL"; TOTAL may be "*"
 *
 * Return: 0, or -EINVAL with @ret untouched.
 */
int registry_range_parse(const char *text, RegistryRange *ret);
