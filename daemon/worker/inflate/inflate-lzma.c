/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <string.h>

#include "base-cleanup.h"
#include "inflate-decoder.h"

#define DICTIONARY_BYTES_MAX (UINT64_C(128) << 20)
#define DECODER_BYTES        (UINT64_C(1) << 20) /* memory of liblzma besides the dictionary */

/* xz and lzip. */
typedef struct Lzma {
        InflateReader *reader; /* borrowed */
        const char *name;      /* of the format; static */
        bool (*matches)(const uint8_t *head, size_t size);
        lzma_ret (*start)(lzma_stream *s); /* for the stream, or one member */
        lzma_stream stream;                /* owned */
        bool flushed;                      /* all output is drained until more bytes arrive */
} Lzma;

static bool xz_matches(const uint8_t *head, size_t size) {
        return size >= 6 && memcmp(head,
                                   "\xfd"
                                   "7zXZ\0",
                                   6) == 0;
}

static bool lzip_matches(const uint8_t *head, size_t size) {
        return size >= 5 && memcmp(head, "LZIP\1", 5) == 0;
}

static void lzma_decoder_free(InflateDecoder *decoder) {
        Lzma *lzma = (Lzma *) decoder;

        lzma_end(&lzma->stream);
        free(lzma);
}

static int lzma_error(const Lzma *lzma, lzma_ret code, Error *error) {
        const char *what = "invalid data";

        if (code == LZMA_MEM_ERROR)
                return error_oom(error);
        if (code == LZMA_MEMLIMIT_ERROR)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The %s stream needs a dictionary of more than %" PRIu64 " bytes",
                        lzma->name, DICTIONARY_BYTES_MAX);
        if (code == LZMA_BUF_ERROR)
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The %s stream ends in the middle",
                        lzma->name);
        if (code == LZMA_FORMAT_ERROR)
                what = "trailing data, or no header";
        else if (code == LZMA_OPTIONS_ERROR)
                what = "options that are not supported";
        return error_set(
                error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The %s stream has %s", lzma->name, what);
}

static lzma_ret xz_start(lzma_stream *stream) {
        return lzma_stream_decoder(stream, DICTIONARY_BYTES_MAX + DECODER_BYTES, LZMA_CONCATENATED);
}

/* liblzma would skip data after a member, and the start of the next one: decode them one by one. */
static lzma_ret lzip_start(lzma_stream *stream) {
        return lzma_lzip_decoder(stream, DICTIONARY_BYTES_MAX + DECODER_BYTES, 0);
}

static int lzma_new(
        InflateReader *reader,
        const char *name,
        bool (*matches)(const uint8_t *head, size_t size),
        lzma_ret (*start)(lzma_stream *s),
        InflateDecoder **ret,
        Error *error) {
        Lzma *lzma;
        lzma_ret code;

        lzma = calloc(1, sizeof(*lzma));
        if (!lzma)
                return error_oom(error);

        *lzma = (Lzma){
                .reader = reader,
                .name = name,
                .matches = matches,
                .start = start,
                .stream = LZMA_STREAM_INIT,
                .flushed = true,
        };
        code = start(&lzma->stream);
        if (code != LZMA_OK) {
                int r = lzma_error(lzma, code, error);

                lzma_decoder_free((InflateDecoder *) lzma);
                return r;
        }

        *ret = (InflateDecoder *) lzma;
        return 0;
}

static int xz_new(InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        return lzma_new(reader, "xz", xz_matches, xz_start, ret, error);
}

static int lzip_new(
        InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        return lzma_new(reader, "lzip", lzip_matches, lzip_start, ret, error);
}

/* Decodes the content of the reader: 1, or 0 at the end of the stream or of the member. */
static int lzma_step(Lzma *lzma, Error *error) {
        lzma_stream *stream = &lzma->stream;
        lzma_action action = LZMA_RUN;
        ssize_t available;
        lzma_ret code;

        /* Drain the output of liblzma first: no more bytes may follow. */
        available = inflate_reader_peek(lzma->reader, lzma->flushed ? 1 : 0, error);
        if (available < 0)
                return (int) available;
        if (available == 0 && lzma->flushed)
                action = LZMA_FINISH;

        stream->next_in = inflate_reader_data(lzma->reader);
        stream->avail_in = (size_t) available;
        code = lzma_code(stream, action);
        inflate_reader_consume(lzma->reader, (size_t) available - stream->avail_in);
        lzma->flushed = stream->avail_out > 0;

        if (code == LZMA_STREAM_END)
                return 0;
        if (code == LZMA_OK || (code == LZMA_BUF_ERROR && action == LZMA_RUN))
                return 1;
        return lzma_error(lzma, code, error);
}

static ssize_t lzma_read(InflateDecoder *decoder, void *buffer, size_t size, Error *error) {
        Lzma *lzma = (Lzma *) decoder;

        lzma->stream.next_out = buffer;
        lzma->stream.avail_out = size;
        while (lzma->stream.avail_out == size) {
                lzma_ret code;
                ssize_t n;
                int r;

                r = lzma_step(lzma, error);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;

                n = inflate_reader_peek(lzma->reader, DECODER_HEAD_BYTES, error);
                if (n < 0)
                        return n;
                if (!lzma->matches(inflate_reader_data(lzma->reader), (size_t) n))
                        break;
                code = lzma->start(&lzma->stream);
                if (code != LZMA_OK)
                        return lzma_error(lzma, code, error);
                lzma->flushed = true;
        }

        return (ssize_t) (size - lzma->stream.avail_out);
}

const InflateDecoderOps inflate_decoder_xz = {
        .matches = xz_matches,
        .new = xz_new,
        .read = lzma_read,
        .free = lzma_decoder_free,
        .has_end = true,
};

const InflateDecoderOps inflate_decoder_lzip = {
        .matches = lzip_matches,
        .new = lzip_new,
        .read = lzma_read,
        .free = lzma_decoder_free,
        .has_end = true,
};
