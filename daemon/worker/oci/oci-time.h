/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times in image configurations (RFC 3339), in the one form that encoding/json of Go writes. */

#include <stdbool.h>
#include <stddef.h>

#define OCI_TIME_MAX ((size_t) 36) /* bytes, with the NUL */

/**
 * oci_time_normalize() - write a time as Go does
 *
 * The fraction loses its trailing zeros and what is beyond nanoseconds, and an offset of zero becomes "Z".
 *
 * Return: whether @text is a time; otherwise @ret is empty.
 */
bool oci_time_normalize(const char *text, char ret[static OCI_TIME_MAX]);
