/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UTF-8 (RFC 3629), and untrusted text for the bus, the log or a terminal. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_QUOTE_MAX ((size_t) 160) /* bytes of a quoted text, with the NUL */

/**
 * text_character() - the character that @text starts with
 *
 * Return: its bytes; 0 at the end of the text, and where no valid sequence starts.
 */
size_t text_character(const char *text, uint32_t *ret);

/** text_is_control() - whether @c controls a terminal (C0, DEL and C1) rather than being visible */
bool text_is_control(uint32_t c);

/** text_utf8_length() - bytes of the valid sequence that @text starts with; 0 if it is invalid */
size_t text_utf8_length(const char *text);

/** text_is_utf8() - whether all of @text is valid, as D-Bus strings have to be */
bool text_is_utf8(const char *text);

/**
 * text_character_columns() - the width on a terminal of the character that @text starts with; not at its end
 * @ret_bytes:  of the character; 1 if it is invalid
 *
 * As wcwidth(3) says in the locale of the process: without one, every character has one column. What has no width of its
 * own counts as one as well, and combining characters as none.
 */
size_t text_character_columns(const char *text, size_t *ret_bytes);

/** text_columns() - the width of @text on a terminal, as above */
size_t text_columns(const char *text);

/** text_beginning() - bytes of the longest beginning of @text that is at most @columns wide */
size_t text_beginning(const char *text, size_t columns);

/** text_ending() - the longest ending of @text that is at most @columns wide */
const char *text_ending(const char *text, size_t columns);

/**
 * text_make_printable() - make @text one line that is safe everywhere, in place
 *
 * Line ends and tabs become spaces, other control characters and invalid bytes "?".
 */
void text_make_printable(char *text);

/** text_printable() - a copy of @text, made printable; owned by the caller; NULL when out of memory */
char *text_printable(const char *text);

/**
 * text_quote() - @text for use in an error message
 *
 * Everything but printable ASCII becomes '?', so that it cannot control a terminal and D-Bus accepts it. If it
 * is too long, it ends in "...". Returns @ret.
 */
char *text_quote(const char *text, char ret[static TEXT_QUOTE_MAX]);
