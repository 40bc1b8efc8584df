/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers in tar headers, for those that all readers understand alike. Pure functions of bytes. */

#include <stddef.h>
#include <stdint.h>

#include "unpack-text.h"

/**
 * unpack_number_from_field() - a field of a header block: octal, with blanks around it, or base 256
 *
 * Nothing but NULs and blanks is 0.
 *
 * Return: 0; -EINVAL for what is not a number to everybody, -ERANGE when it is negative or over INT64_MAX.
 * @ret is untouched on failure.
 */
int unpack_number_from_field(const uint8_t *field, size_t size, uint64_t *ret);

/** unpack_number_from_decimal() - digits and nothing else; returns as unpack_number_from_field() */
int unpack_number_from_decimal(const UnpackText *text, uint64_t *ret);
