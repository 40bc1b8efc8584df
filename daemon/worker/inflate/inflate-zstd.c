/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base-cleanup.h"
#include "inflate-decoder.h"

typedef struct Zstd {
        InflateReader *reader; /* borrowed */
        ZSTD_DStream *stream;  /* owned */
        bool in_frame;         /* a frame has begun and not ended */
        bool flushed;          /* all output is drained until more bytes arrive */
        int window_log;
} Zstd;

static bool zstd_matches(const uint8_t *head, size_t size) {
        bool frame, skippable;

        if (size < 4)
                return false;

        frame = head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd;
        skippable =
                (head[0] & 0xf0) == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18;
        return frame || skippable;
}

static void zstd_free(InflateDecoder *decoder) {
        Zstd *zstd = (Zstd *) decoder;

        (void) ZSTD_freeDStream(zstd->stream);
        free(zstd);
}

static int window_log(uint64_t bytes) {
        const ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
        int log = bounds.lowerBound;

        while (log < bounds.upperBound && UINT64_C(2) << log <= bytes)
                log++;
        return log;
}

static int zstd_new(
        InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        Zstd *zstd;

        zstd = calloc(1, sizeof(*zstd));
        if (!zstd)
                return error_oom(error);

        *zstd = (Zstd){
                .reader = reader,
                .stream = ZSTD_createDStream(),
                .flushed = true,
                .window_log = window_log(limits->zstd_window_bytes),
        };
        if (!zstd->stream || ZSTD_isError(ZSTD_DCtx_setParameter(
                                     zstd->stream, ZSTD_d_windowLogMax, zstd->window_log))) {
                zstd_free((InflateDecoder *) zstd);
                return error_oom(error);
        }

        *ret = (InflateDecoder *) zstd;
        return 0;
}

static int zstd_error(const Zstd *zstd, size_t code, Error *error) {
        const ZSTD_ErrorCode reason = ZSTD_getErrorCode(code);

        if (reason == ZSTD_error_memory_allocation)
                return error_oom(error);
        if (reason == ZSTD_error_frameParameter_windowTooLarge)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The zstd stream needs a window of more than %" PRIu64
                        " bytes" LIMIT_KEY("ZstdWindow"),
                        UINT64_C(1) << zstd->window_log);
        return error_set(
                error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The zstd stream is invalid: %s",
                ZSTD_getErrorName(code));
}

/* Whether another frame follows: 1 or 0. */
static int zstd_has_frame(const Zstd *zstd, Error *error) {
        ssize_t available;

        available = inflate_reader_peek(zstd->reader, DECODER_HEAD_BYTES, error);
        if (available < 0)
                return (int) available;
        return zstd_matches(inflate_reader_data(zstd->reader), (size_t) available);
}

static ssize_t zstd_read(InflateDecoder *decoder, void *buffer, size_t size, Error *error) {
        Zstd *zstd = (Zstd *) decoder;
        ZSTD_outBuffer out = { buffer, size, 0 };

        while (out.pos == 0) {
                ssize_t available;
                ZSTD_inBuffer in;
                size_t left;
                int r;

                if (zstd->flushed && !zstd->in_frame) {
                        r = zstd_has_frame(zstd, error);
                        if (r <= 0)
                                return r;
                }

                /* Drain the output of zstd first: no more bytes may follow. */
                available = inflate_reader_peek(zstd->reader, zstd->flushed ? 1 : 0, error);
                if (available < 0)
                        return available;
                if (available == 0 && zstd->flushed)
                        return error_set(
                                error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                                "The zstd stream ends in the middle");

                in = (ZSTD_inBuffer){ inflate_reader_data(zstd->reader), (size_t) available, 0 };
                left = ZSTD_decompressStream(zstd->stream, &out, &in);
                if (ZSTD_isError(left))
                        return zstd_error(zstd, left, error);

                inflate_reader_consume(zstd->reader, in.pos);
                zstd->in_frame = left != 0;
                zstd->flushed = left == 0 || out.pos < out.size;
        }

        return (ssize_t) out.pos;
}

const InflateDecoderOps inflate_decoder_zstd = {
        .matches = zstd_matches,
        .new = zstd_new,
        .read = zstd_read,
        .free = zstd_free,
        .has_end = true,
};
