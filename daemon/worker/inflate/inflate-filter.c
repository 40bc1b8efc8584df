/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "inflate-decoder.h"

/* bzip2 and lz4: libarchive's filters, in front of its format for "no archive at all". */
typedef struct Filter {
        InflateReader *reader;   /* borrowed */
        struct archive *archive; /* owned */
        size_t lent;             /* bytes of the reader that libarchive is reading */
        uint64_t given;          /* bytes that libarchive got */
        Error error;             /* owned; a failure of the reader */
} Filter;

static bool bzip2_matches(const uint8_t *head, size_t size) {
        return size >= 4 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9';
}

static bool lz4_matches(const uint8_t *head, size_t size) {
        static const uint8_t frame[] = { 0x04, 0x22, 0x4d, 0x18 };

        return size >= 4 && memcmp(head, frame, 4) == 0;
}

/* The kind that the kernel's build produces. */
static bool lz4_legacy_matches(const uint8_t *head, size_t size) {
        static const uint8_t frame[] = { 0x02, 0x21, 0x4c, 0x18 };

        return size >= 4 && memcmp(head, frame, 4) == 0;
}

static la_ssize_t on_read(struct archive *archive, void *userdata, const void **ret) {
        Filter *filter = userdata;
        ssize_t n;

        inflate_reader_consume(filter->reader, filter->lent);
        filter->lent = 0;

        n = inflate_reader_peek(filter->reader, 1, &filter->error);
        if (n < 0) {
                archive_set_error(archive, filter->error.code, "%s", error_text(&filter->error));
                return ARCHIVE_FATAL;
        }

        filter->lent = (size_t) n;
        filter->given += filter->lent;
        *ret = inflate_reader_data(filter->reader);
        return n;
}

static void filter_free(InflateDecoder *decoder) {
        Filter *filter = (Filter *) decoder;

        (void) archive_read_free(filter->archive);
        error_clear(&filter->error);
        free(filter);
}

static int filter_error(Filter *filter, Error *error) {
        const char *text = archive_error_string(filter->archive);

        if (filter->error.code > 0)
                return error_copy(error, &filter->error);
        if (archive_errno(filter->archive) == ENOMEM)
                return error_oom(error);
        return error_set(
                error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The compressed stream is invalid: %s",
                text ? text : "unknown error");
}

static int filter_new(InflateReader *reader, int code, InflateDecoder **ret, Error *error) {
        Filter *filter;
        struct archive_entry *entry;
        int r;

        filter = calloc(1, sizeof(*filter));
        if (!filter)
                return error_oom(error);

        *filter = (Filter){ .reader = reader, .archive = archive_read_new() };
        if (!filter->archive) {
                free(filter);
                return error_oom(error);
        }

        /* Appending a filter, instead of allowing it, prevents libarchive from guessing: it would also
         * decompress content that is compressed twice. */
        if (archive_read_append_filter(filter->archive, code) != ARCHIVE_OK ||
            archive_read_set_format(filter->archive, ARCHIVE_FORMAT_RAW) != ARCHIVE_OK ||
            archive_read_open(filter->archive, filter, NULL, on_read, NULL) != ARCHIVE_OK ||
            archive_read_next_header(filter->archive, &entry) != ARCHIVE_OK) {
                r = filter_error(filter, error);
                filter_free((InflateDecoder *) filter);
                return r;
        }

        *ret = (InflateDecoder *) filter;
        return 0;
}

static int bzip2_new(
        InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        return filter_new(reader, ARCHIVE_FILTER_BZIP2, ret, error);
}

static int lz4_new(
        InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        return filter_new(reader, ARCHIVE_FILTER_LZ4, ret, error);
}

/* libarchive silently stops at data after the last stream, which stays in the reader. */
static int filter_end(Filter *filter, Error *error) {
        const int outermost = archive_filter_count(filter->archive) - 1;
        const uint64_t left =
                filter->given - (uint64_t) archive_filter_bytes(filter->archive, outermost);

        /* It may have read ahead, to check for another stream. */
        if (left <= filter->lent)
                inflate_reader_consume(filter->reader, filter->lent - (size_t) left);
        else if (inflate_reader_unconsume(filter->reader, (size_t) left - filter->lent) < 0)
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                        "Other data follows the compressed stream");
        filter->lent = 0;
        return 0;
}

static ssize_t filter_read(InflateDecoder *decoder, void *buffer, size_t size, Error *error) {
        Filter *filter = (Filter *) decoder;
        la_ssize_t n;

        n = archive_read_data(filter->archive, buffer, size);
        if (n < 0)
                return filter_error(filter, error);
        return n > 0 ? n : filter_end(filter, error);
}

const InflateDecoderOps inflate_decoder_bzip2 = {
        .matches = bzip2_matches,
        .new = bzip2_new,
        .read = filter_read,
        .free = filter_free,
        .has_end = true,
};

const InflateDecoderOps inflate_decoder_lz4 = {
        .matches = lz4_matches,
        .new = lz4_new,
        .read = filter_read,
        .free = filter_free,
        .has_end = true,
};

const InflateDecoderOps inflate_decoder_lz4_legacy = {
        .matches = lz4_legacy_matches,
        .new = lz4_new,
        .read = filter_read,
        .free = filter_free,
};
