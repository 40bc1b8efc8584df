/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text from outside the process, made fit for a message. */

#include <stddef.h>

#define TEXT_QUOTE_MAX ((size_t) 160) /* bytes of a quoted text, with the NUL */

/**
 * text_quote() - @text for use in an error message
 *
 * Everything but printable ASCII becomes '?', so that no terminal is driven by it and D-Bus takes
 * it; what is too long ends in "...". Returns @ret.
 */
char *text_quote(const char *text, char ret[static TEXT_QUOTE_MAX]);
