/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Time spans as people read them. */

#include <stddef.h>
#include <stdint.h>

#define SPAN_TEXT_MAX ((size_t) 64)

/** client_span_format() - "6.5 s", "51 s", "2 min 5 s" or "3 h 20 min", translated; returns @ret */
char *client_span_format(uint64_t usec, char ret[static SPAN_TEXT_MAX]);

/** client_span_format_clock() - "0:31" or "1:02:03"; returns @ret */
char *client_span_format_clock(uint64_t seconds, char ret[static SPAN_TEXT_MAX]);
