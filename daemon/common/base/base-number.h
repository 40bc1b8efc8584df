/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Decimal numbers in texts: digits and nothing else, without a sign, blanks or a prefix. Zeros in front are fine.
 * Pure functions of bytes.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * number_scan() - read the number that a text begins with
 * @size:       at most so many bytes are looked at; SIZE_MAX for a text that ends with a NUL
 * @max:        the largest number that is taken
 *
 * Return: how many digits it has; -EINVAL when there is none, -ERANGE when the number is above @max. @ret is
 * untouched on failure.
 */
ssize_t number_scan(const char *text, size_t size, uint64_t max, uint64_t *ret);

/**
 * number_take() - take a number off the front of *@text, which ends with a NUL
 *
 * Afterwards *@text is what follows the last digit. It is untouched on failure, as is @ret.
 *
 * Return: 0; -EINVAL or -ERANGE as number_scan().
 */
int number_take(const char **text, uint64_t max, uint64_t *ret);

/** number_parse() - read a text that is a number; returns as number_take(), and -EINVAL when more follows */
int number_parse(const char *text, uint64_t max, uint64_t *ret);
