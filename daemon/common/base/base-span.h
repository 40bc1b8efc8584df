/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Time spans as systemd writes them: systemd.time(7), "Parsing Time Spans". */

#include <stdint.h>

#define SPAN_INFINITY UINT64_MAX

/**
 * span_parse() - read a span, such as "30", "2min", "1h 30min", "1.5d" or "infinity"
 * @ret:        microseconds; a number without a unit is in seconds; SPAN_INFINITY; untouched on failure
 *
 * Return: 0; -EINVAL if it is not a span; -ERANGE if it is too long.
 */
int span_parse(const char *text, uint64_t *ret);
