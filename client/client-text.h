/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UTF-8 (RFC 3629), and text from elsewhere on its way to a terminal. */

#include <stdbool.h>
#include <stddef.h>

/** text_utf8_length() - bytes of the valid sequence that @text starts with; 0 when it is none */
size_t text_utf8_length(const char *text);

/** text_is_utf8() - whether all of @text is valid, as D-Bus strings have to be */
bool text_is_utf8(const char *text);

/** text_columns() - code points of @text: what it takes on a terminal, without wide characters */
size_t text_columns(const char *text);

/**
 * text_printable() - @text as one line that cannot steer a terminal
 *
 * Line ends and tabs become spaces, other control characters and invalid bytes "?".
 *
 * Return: owned by the caller; NULL when out of memory.
 */
char *text_printable(const char *text);
