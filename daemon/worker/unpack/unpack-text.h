/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Part of a header; borrowed from its bytes, not NUL-terminated. */
typedef struct UnpackText {
        const char *text; /* NULL: none */
        size_t size;      /* bytes */
} UnpackText;

/** unpack_text_is() - whether it equals @other; no text equals an empty one */
static inline bool unpack_text_is(const UnpackText *text, const char *other, size_t size) {
        return text->size == size && (size == 0 || memcmp(text->text, other, size) == 0);
}
