/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "inflate-decoder.h"
#include "inflate.h"

struct Inflate {
        const Limits *limits; /* borrowed */
        InflateReader reader;
        const InflateDecoderOps *ops; /* of the layer; NULL before its first byte is asked for */
        InflateDecoder *decoder;      /* owned; NULL if the layer has ended */
        InflateLayer layer;
        bool has_rest;           /* ignored data follows the layer */
        uint64_t layers;         /* that have begun */
        uint64_t unpacked;       /* bytes of all layers */
        uint64_t layer_unpacked; /* bytes of this one */
        uint64_t layer_start;    /* bytes that the reader had consumed at its start */
};

/* The first match wins. */
static const InflateDecoderOps *const decoders[] = {
        &inflate_decoder_gzip,  &inflate_decoder_zstd, &inflate_decoder_xz,
        &inflate_decoder_bzip2, &inflate_decoder_lz4,  &inflate_decoder_lz4_legacy,
        &inflate_decoder_lzip,  &inflate_decoder_none,
};

int inflate_new(const InflateInput *input, const Limits *limits, Inflate **ret, Error *error) {
        _cleanup_(inflate_freep) Inflate *inflate = NULL;
        int r;

        inflate = calloc(1, sizeof(*inflate));
        if (!inflate)
                return error_oom(error);

        inflate->limits = limits;
        r = inflate_reader_init(&inflate->reader, input, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(inflate);
        return 0;
}

static void inflate_end_layer(Inflate *inflate) {
        if (inflate->decoder)
                inflate->ops->free(inflate->decoder);
        inflate->decoder = NULL;
}

Inflate *inflate_free(Inflate *inflate) {
        if (!inflate)
                return NULL;

        inflate_end_layer(inflate);
        inflate_reader_done(&inflate->reader);
        free(inflate);
        return NULL;
}

int inflate_next(Inflate *inflate, InflateLayer *ret, Error *error) {
        int r;

        r = inflate_reader_next(&inflate->reader, &inflate->layer, error);
        if (r <= 0)
                return r;
        if (inflate->layers == inflate->limits->layers)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "More than %" PRIu64 " layers" LIMIT_KEY("Layers"),
                        inflate->limits->layers);

        inflate->layers++;
        inflate->layer_unpacked = 0;
        inflate->layer_start = inflate->reader.consumed;
        inflate->ops = NULL;
        inflate->has_rest = false;
        *ret = inflate->layer;
        return 1;
}

static bool is_lzop(const uint8_t *head, size_t size) {
        static const uint8_t magic[] = { 0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n' };

        return size >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

static int inflate_begin_layer(Inflate *inflate, Error *error) {
        const InflateDecoderOps *ops = NULL;
        ssize_t size;
        int r;

        size = inflate_reader_peek(&inflate->reader, DECODER_HEAD_BYTES, error);
        if (size < 0)
                return (int) size;
        if ((size_t) size > DECODER_HEAD_BYTES)
                size = (ssize_t) DECODER_HEAD_BYTES;

        if (is_lzop(inflate_reader_data(&inflate->reader), (size_t) size))
                return error_set(
                        error, EOPNOTSUPP, ERROR_CORRUPT_ARCHIVE,
                        "It is compressed with lzop, which is not supported; decompress it first: lzop -d FILE");

        for (size_t i = 0; !ops; i++)
                if (decoders[i]->matches(inflate_reader_data(&inflate->reader), (size_t) size))
                        ops = decoders[i];

        r = ops->new (&inflate->reader, inflate->limits, &inflate->decoder, error);
        if (r < 0)
                return r;

        inflate->ops = ops;
        return 0;
}

static bool is_zero(const uint8_t *data, size_t size) {
        return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

int inflate_pass_rest(Inflate *inflate, Error *error) {
        InflateReader *reader = &inflate->reader;
        ssize_t n;

        n = inflate_reader_peek(reader, 1, error);
        if (n <= 0)
                return (int) n;

        inflate->has_rest = inflate->has_rest || !is_zero(inflate_reader_data(reader), (size_t) n);
        if (inflate->has_rest && inflate_layer_is_verified(&inflate->layer))
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                        "Other data follows the compressed stream");
        inflate_reader_consume(reader, (size_t) n);
        return 1;
}

static int inflate_check_limits(const Inflate *inflate, Error *error) {
        const Limits *limits = inflate->limits;
        const uint64_t consumed = inflate->reader.consumed - inflate->layer_start;

        if (inflate->unpacked > limits->unpacked_bytes)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The layers have more than %" PRIu64
                        " bytes uncompressed" LIMIT_KEY("UnpackedSize"),
                        limits->unpacked_bytes);
        if (inflate->layer_unpacked > limits->ratio_floor_bytes &&
            inflate->layer_unpacked / limits->ratio > consumed)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The layer is compressed by more than %" PRIu64
                        ":1" LIMIT_KEY("CompressionRatio"),
                        limits->ratio);
        return 0;
}

ssize_t inflate_read(Inflate *inflate, void *buffer, size_t size, Error *error) {
        size_t done = 0;
        ssize_t n;
        int r;

        if (!inflate->ops) {
                r = inflate_begin_layer(inflate, error);
                if (r < 0)
                        return r;
        }
        if (!inflate->decoder)
                return 0;

        while (done < size) {
                n = inflate->ops->read(
                        inflate->decoder, (uint8_t *) buffer + done, size - done, error);
                if (n < 0)
                        return n;
                if (n == 0) {
                        inflate_end_layer(inflate);
                        break;
                }

                done += (size_t) n;
                inflate->unpacked += (uint64_t) n;
                inflate->layer_unpacked += (uint64_t) n;
                r = inflate_check_limits(inflate, error);
                if (r < 0)
                        return r;
        }

        return (ssize_t) done;
}

bool inflate_has_end(const Inflate *inflate) {
        return inflate->ops->has_end;
}

bool inflate_has_rest(const Inflate *inflate) {
        return inflate->has_rest;
}

uint64_t inflate_consumed(const Inflate *inflate) {
        return inflate->reader.consumed;
}
