/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers in tar headers, as far as all readers agree on them. Pure functions of bytes. */

#include <stddef.h>
#include <stdint.h>

#include "unpack-text.h"

/**
 * unpack_number_from_field() - a field of a header block: octal, with blanks around it, or base 256
 *
 * A field of NULs and blanks only is 0.
 *
 * Return: 0; -EINVAL if not every reader sees a number; -ERANGE if it is negative or over INT64_MAX.
 */
int unpack_number_from_field(const uint8_t *field, size_t size, uint64_t *ret);

/** unpack_number_from_decimal() - digits and nothing else; returns as unpack_number_from_field() */
int unpack_number_from_decimal(const UnpackText *text, uint64_t *ret);
