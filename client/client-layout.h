/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lays out help, so that it fits into WRAP_HELP_COLUMNS in every language:
 *
 *     A line that begins with a letter is a paragraph.
 *       --option VALUE          After two blanks, its description: all of it on one line, or going on in the next one,
 *                               behind at least LAYOUT_CONTINUED_MIN blanks.
 *
 * The descriptions of a text begin where its first one does, and go on below that.
 */

#include <stdio.h>

#define LAYOUT_CONTINUED_MIN ((size_t) 20)

/** client_layout_print() - print @text, whose last line has an end */
void client_layout_print(const char *text, FILE *file);
