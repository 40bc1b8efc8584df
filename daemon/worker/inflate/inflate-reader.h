/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The compressed bytes of one layer after the other, buffered. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "inflate-input.h"

#define READER_BUFFER_BYTES  ((size_t) 256 << 10)
#define READER_HISTORY_BYTES ((size_t) 64) /* consumed ones that stay in front of the others */

typedef struct InflateReader {
        const InflateInput *input; /* borrowed */
        uint8_t *buffer;           /* owned, READER_BUFFER_BYTES */
        size_t start, end;         /* what of the buffer has not been consumed */
        bool ended;                /* the layer's blob has no more bytes than those */
        uint64_t consumed;         /* bytes of all layers */
} InflateReader;

/** inflate_reader_init() - allocate the buffer; returns 0 or -ENOMEM with @error set */
int inflate_reader_init(InflateReader *reader, const InflateInput *input, Error *error);

/** inflate_reader_done() - release what @reader owns */
void inflate_reader_done(InflateReader *reader);

/** inflate_reader_next() - go on to the next layer; returns 1, 0 when there is none, or -errno with @error
 * set */
int inflate_reader_next(InflateReader *reader, InflateLayer *ret, Error *error);

/**
 * inflate_reader_peek() - have @want bytes in the buffer, or all that are left of the layer
 * @want:       at most READER_BUFFER_BYTES - READER_HISTORY_BYTES
 *
 * Return: bytes that can be read at inflate_reader_data(), 0 only at the end of the layer; or a negative
 * errno with @error set.
 */
ssize_t inflate_reader_peek(InflateReader *reader, size_t want, Error *error);

/** inflate_reader_data() - the first byte that has not been consumed */
const uint8_t *inflate_reader_data(const InflateReader *reader);

/** inflate_reader_consume() - go past @size bytes that are in the buffer */
void inflate_reader_consume(InflateReader *reader, size_t size);

/**
 * inflate_reader_unconsume() - take back the last @size bytes of this layer
 *
 * Return: 0, or -ERANGE for more than there are, or than READER_HISTORY_BYTES.
 */
int inflate_reader_unconsume(InflateReader *reader, size_t size);
