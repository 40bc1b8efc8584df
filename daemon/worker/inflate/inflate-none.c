/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "inflate-decoder.h"

static bool none_matches(const uint8_t *head, size_t size) {
        return true;
}

static int none_new(
        InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        *ret = (InflateDecoder *) reader;
        return 0;
}

static ssize_t none_read(InflateDecoder *decoder, void *buffer, size_t size, Error *error) {
        InflateReader *reader = (InflateReader *) decoder;
        ssize_t n;

        n = inflate_reader_peek(reader, 1, error);
        if (n <= 0)
                return n;
        if ((size_t) n > size)
                n = (ssize_t) size;

        memcpy(buffer, inflate_reader_data(reader), (size_t) n);
        inflate_reader_consume(reader, (size_t) n);
        return n;
}

static void none_free(InflateDecoder *decoder) {
}

const InflateDecoderOps inflate_decoder_none = {
        .matches = none_matches,
        .new = none_new,
        .read = none_read,
        .free = none_free,
};
