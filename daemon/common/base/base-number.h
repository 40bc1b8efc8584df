/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Decimal numbers in texts: only digits, without a sign, blanks or a prefix. Leading zeros are accepted.
 * Pure functions of bytes.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * number_scan() - read the number at the start of a text
 * @size:       the most bytes to read; SIZE_MAX for a NUL-terminated text
 * @max:        the largest accepted number
 *
 * Return: the number of digits; -EINVAL if there are none, -ERANGE if the number exceeds @max. @ret is
 * untouched on failure.
 */
ssize_t number_scan(const char *text, size_t size, uint64_t max, uint64_t *ret);

/**
 * number_take() - read the number at the start of *@text, which is NUL-terminated
 *
 * Then *@text points after the last digit. On failure, *@text and @ret are untouched.
 *
 * Return: 0; -EINVAL or -ERANGE like number_scan().
 */
int number_take(const char **text, uint64_t max, uint64_t *ret);

/** number_parse() - read a text that is a number; like number_take(), but -EINVAL if more follows */
int number_parse(const char *text, uint64_t max, uint64_t *ret);
