/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The compressed bytes of one layer after the other, buffered. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "unpack-input.h"

#define SOURCE_BUFFER_BYTES  ((size_t) 256 << 10)
#define SOURCE_HISTORY_BYTES ((size_t) 64) /* consumed ones that stay in front of the others */

typedef struct Source {
        const UnpackInput *input; /* borrowed */
        uint8_t *buffer;          /* owned, SOURCE_BUFFER_BYTES */
        size_t start, end;        /* what of the buffer has not been consumed */
        bool ended;               /* the layer's blob has no more bytes than those */
        uint64_t consumed;        /* bytes of all layers */
} Source;

/** source_init() - allocate the buffer; returns 0 or -ENOMEM with @error set */
int source_init(Source *source, const UnpackInput *input, Error *error);

/** source_done() - release what @source owns */
void source_done(Source *source);

/** source_next() - go on to the next layer; returns 1, 0 when there is none, or -errno with @error
 * set */
int source_next(Source *source, UnpackLayer *ret, Error *error);

/**
 * source_peek() - have @want bytes in the buffer, or all that are left of the layer
 * @want:       at most SOURCE_BUFFER_BYTES - SOURCE_HISTORY_BYTES
 *
 * Return: bytes that can be read at source_data(), 0 only at the end of the layer; or a negative
 * errno with @error set.
 */
ssize_t source_peek(Source *source, size_t want, Error *error);

/** source_data() - the first byte that has not been consumed */
const uint8_t *source_data(const Source *source);

/** source_consume() - go past @size bytes that are in the buffer */
void source_consume(Source *source, size_t size);

/**
 * source_unconsume() - take back the last @size bytes of this layer
 *
 * Return: 0, or -ERANGE for more than there are, or than SOURCE_HISTORY_BYTES.
 */
int source_unconsume(Source *source, size_t size);
