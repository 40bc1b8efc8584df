/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Base64 (RFC 4648, section 4): padded, no line ends, no other characters, unused bits zero. */

#include <stddef.h>
#include <stdint.h>

/**
 * trust_base64_decode() - decode @text
 * @ret:        owned by the caller; a NUL follows the @ret_size bytes; untouched on failure
 *
 * Return: 0, -EINVAL if it is not valid, or -ENOMEM.
 */
int trust_base64_decode(const char *text, uint8_t **ret, size_t *ret_size);
