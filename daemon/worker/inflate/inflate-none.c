/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "inflate-decoder.h"

static bool none_matches(const uint8_t *head, size_t size) {
        return true;
}

static int none_new(Reader *reader, const Limits *limits, Decoder **ret, Error *error) {
        *ret = (Decoder *) reader;
        return 0;
}

static ssize_t none_read(Decoder *decoder, void *buffer, size_t size, Error *error) {
        Reader *reader = (Reader *) decoder;
        ssize_t n;

        n = reader_peek(reader, 1, error);
        if (n <= 0)
                return n;
        if ((size_t) n > size)
                n = (ssize_t) size;

        memcpy(buffer, reader_data(reader), (size_t) n);
        reader_consume(reader, (size_t) n);
        return n;
}

static void none_free(Decoder *decoder) {
}

const DecoderOps decoder_none = {
        .matches = none_matches,
        .new = none_new,
        .read = none_read,
        .free = none_free,
};
