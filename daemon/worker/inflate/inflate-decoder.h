/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One compression format. Private to inflate.c, which picks one, and those that implement
 * it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-error.h"
#include "base-limits.h"
#include "inflate-reader.h"

#define DECODER_HEAD_BYTES ((size_t) 9)

typedef struct InflateDecoder InflateDecoder; /* each format's own */

typedef struct InflateDecoderOps {
        /* Whether a stream that starts with @size <= DECODER_HEAD_BYTES bytes at @head is this
         * format's. */
        bool (*matches)(const uint8_t *head, size_t size);

        /* A decoder of the bytes from @reader on, which is borrowed. */
        int (*new)(InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error);

        /* At least one byte, 0 at the end of the stream, or a negative errno with @error set. At
         * the end every check has passed; what the reader still has is not of this format. */
        ssize_t (*read)(InflateDecoder *decoder, void *buffer, size_t size, Error *error);

        void (*free)(InflateDecoder *decoder);

        /* Whether a stream that was cut off can be told from a whole one, unless it has several members
         * and was cut between them. */
        bool has_end;
} InflateDecoderOps;

extern const InflateDecoderOps inflate_decoder_gzip;       /* inflate-gzip.c */
extern const InflateDecoderOps inflate_decoder_zstd;       /* inflate-zstd.c */
extern const InflateDecoderOps inflate_decoder_xz;         /* inflate-lzma.c */
extern const InflateDecoderOps inflate_decoder_lzip;       /* inflate-lzma.c */
extern const InflateDecoderOps inflate_decoder_bzip2;      /* inflate-filter.c */
extern const InflateDecoderOps inflate_decoder_lz4;        /* inflate-filter.c */
extern const InflateDecoderOps inflate_decoder_lz4_legacy; /* inflate-filter.c */
extern const InflateDecoderOps inflate_decoder_none;       /* inflate-none.c; matches everything */
