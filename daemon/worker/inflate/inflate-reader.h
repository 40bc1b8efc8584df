/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The compressed bytes of one layer after another, buffered. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "inflate-input.h"

#define READER_BUFFER_BYTES  ((size_t) 256 << 10)
#define READER_HISTORY_BYTES ((size_t) 64) /* consumed bytes that are kept */

typedef struct InflateReader {
        const InflateInput *input; /* borrowed */
        uint8_t *buffer;           /* owned, READER_BUFFER_BYTES */
        size_t start, end;         /* the part of the buffer that has not been consumed */
        bool ended;                /* the layer's blob has no more bytes than these */
        uint64_t consumed;         /* bytes of all layers */
} InflateReader;

/** inflate_reader_init() - allocate the buffer */
int inflate_reader_init(InflateReader *reader, const InflateInput *input, Error *error);

/** inflate_reader_done() - release what @reader owns */
void inflate_reader_done(InflateReader *reader);

/** inflate_reader_next() - proceed to the next layer; returns 1, or 0 if there is none */
int inflate_reader_next(InflateReader *reader, InflateLayer *ret, Error *error);

/**
 * inflate_reader_peek() - buffer @want bytes, or the rest of the layer
 * @want:       at most READER_BUFFER_BYTES - READER_HISTORY_BYTES
 *
 * Return: the number of bytes at inflate_reader_data(), 0 only at the end of the layer.
 */
ssize_t inflate_reader_peek(InflateReader *reader, size_t want, Error *error);

/** inflate_reader_data() - the first byte that has not been consumed */
const uint8_t *inflate_reader_data(const InflateReader *reader);

/** inflate_reader_consume() - consume @size bytes of the buffer */
void inflate_reader_consume(InflateReader *reader, size_t size);

/**
 * inflate_reader_unconsume() - put back the last @size bytes of this layer
 *
 * Return: 0, or -ERANGE if there were fewer, or for more than READER_HISTORY_BYTES.
 */
int inflate_reader_unconsume(InflateReader *reader, size_t size);
