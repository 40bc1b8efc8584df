/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <isa-l/igzip_lib.h>

#include "base-cleanup.h"
#include "inflate-decoder.h"

typedef struct Gzip {
        InflateReader *reader; /* borrowed */
        struct inflate_state state;
        bool in_member; /* a member has begun and not ended */
        bool flushed;   /* all output is drained until more bytes arrive */
} Gzip;

#define FLAGS_AT       3
#define FLAGS_RESERVED 0xe0 /* RFC 1952, 2.3.1.2: "must be zero", for fields that are yet unknown */

static bool gzip_matches(const uint8_t *head, size_t size) {
        return size >= 2 && head[0] == 0x1f && head[1] == 0x8b;
}

static int gzip_new(
        InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        Gzip *gzip;

        gzip = calloc(1, sizeof(*gzip));
        if (!gzip)
                return error_oom(error);

        gzip->reader = reader;
        isal_inflate_init(&gzip->state);
        *ret = (InflateDecoder *) gzip;
        return 0;
}

static const char *isal_error(int code) {
        switch (code) {
        case ISAL_INVALID_WRAPPER:
                return "an invalid gzip header";
        case ISAL_UNSUPPORTED_METHOD:
                return "an unknown compression method";
        case ISAL_INCORRECT_CHECKSUM:
                return "a wrong checksum";
        default:
                return "invalid data";
        }
}

static int gzip_error(const char *what, Error *error) {
        return error_set(error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The gzip stream has %s", what);
}

/* Inflates the content of the reader's buffer, to *@ret_size bytes. */
static int gzip_step(Gzip *gzip, void *buffer, size_t size, size_t *ret_size, Error *error) {
        struct inflate_state *state = &gzip->state;
        ssize_t available;
        int r;

        /* Drain the output of ISA-L first: no more bytes may follow. */
        available = inflate_reader_peek(gzip->reader, gzip->flushed ? 1 : 0, error);
        if (available < 0)
                return (int) available;
        if (available == 0 && gzip->flushed)
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                        "The gzip stream ends in the middle");

        state->next_in = (uint8_t *) inflate_reader_data(gzip->reader);
        state->avail_in = (uint32_t) available;
        state->next_out = buffer;
        state->avail_out = (uint32_t) size;
        r = isal_inflate(state);
        if (r < 0)
                return gzip_error(isal_error(r), error);

        /* At the end of a member ISA-L returns bytes that it had read ahead, even in the previous
         * call. */
        if (state->avail_in <= (size_t) available)
                inflate_reader_consume(gzip->reader, (size_t) available - state->avail_in);
        else if (inflate_reader_unconsume(gzip->reader, state->avail_in - (size_t) available) < 0)
                return gzip_error("invalid data", error);

        gzip->flushed = state->avail_out > 0;
        *ret_size = size - state->avail_out;
        return 0;
}

static int gzip_begin_member(Gzip *gzip, Error *error) {
        ssize_t available;

        available = inflate_reader_peek(gzip->reader, FLAGS_AT + 1, error);
        if (available < 0)
                return (int) available;
        if (!gzip_matches(inflate_reader_data(gzip->reader), (size_t) available))
                return 0;
        if (available > FLAGS_AT && (inflate_reader_data(gzip->reader)[FLAGS_AT] & FLAGS_RESERVED))
                return gzip_error("a header with reserved flags", error);

        isal_inflate_reset(&gzip->state);
        gzip->state.crc_flag = ISAL_GZIP;
        gzip->in_member = gzip->flushed = true;
        return 1;
}

static ssize_t gzip_read(InflateDecoder *decoder, void *buffer, size_t size, Error *error) {
        Gzip *gzip = (Gzip *) decoder;

        for (;;) {
                size_t n = 0;
                int r;

                if (!gzip->in_member) {
                        r = gzip_begin_member(gzip, error);
                        if (r <= 0)
                                return r;
                }

                r = gzip_step(gzip, buffer, size, &n, error);
                if (r < 0)
                        return r;
                if (gzip->state.block_state == ISAL_BLOCK_FINISH)
                        gzip->in_member = false;
                if (n > 0)
                        return (ssize_t) n;
        }
}

static void gzip_free(InflateDecoder *decoder) {
        free(decoder);
}

const InflateDecoderOps inflate_decoder_gzip = {
        .matches = gzip_matches,
        .new = gzip_new,
        .read = gzip_read,
        .free = gzip_free,
        .has_end = true,
};
