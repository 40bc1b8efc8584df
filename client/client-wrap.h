/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Breaks text into lines, by columns of a terminal. */

#include <stddef.h>
#include <stdio.h>

#define WRAP_HELP_COLUMNS                                                                          \
        ((size_t) 79) /* of text that is not for a terminal of a known width, and of help */

/** client_wrap_columns() - columns of the terminal @fd; SIZE_MAX if it is not one */
size_t client_wrap_columns(int fd);

/**
 * client_wrap_line() - the beginning of @text that fits into @columns
 * @ret_skip:   bytes up to the next line
 *
 * Lines end at blanks; a word that is longer is cut. At least one character is in a line. Return: its bytes.
 */
size_t client_wrap_line(const char *text, size_t columns, size_t *ret_skip);

/** client_wrap_print() - print @text in lines of @columns, each except the first behind @indent blanks, and a line end */
void client_wrap_print(const char *text, size_t columns, size_t indent, FILE *file);
