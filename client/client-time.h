/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times as people read them. All times are in microseconds, and points in time are since the epoch. */

#include <stddef.h>
#include <stdint.h>

#define TIME_BYTES_MAX ((size_t) 32) /* "2026-11-30 18:05:24", with room to spare */

/** client_time_format() - write the local date and time, "2026-11-30 18:05:24", to @ret; "-" for 0; returns @ret */
char *client_time_format(uint64_t usec, char ret[static TIME_BYTES_MAX]);

/** client_time_format_clock() - the same without the date, "18:05:24" */
char *client_time_format_clock(uint64_t usec, char ret[static TIME_BYTES_MAX]);

/**
 * client_time_format_age() - write how long ago @usec was, in the largest unit: "12s", "5min", "3h", "4d"
 *
 * "-" for 0. What is in the future, by a clock that was set back, was just now: "0s". Returns @ret.
 */
char *client_time_format_age(uint64_t usec, uint64_t now_usec, char ret[static TIME_BYTES_MAX]);
