/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One compression format. Private to inflate.c, which selects one, and to its implementations. */

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
        /* Whether a stream that starts with @size <= DECODER_HEAD_BYTES bytes at @head has this
         * format. */
        bool (*matches)(const uint8_t *head, size_t size);

        /* Creates a decoder that reads from @reader, which is borrowed. */
        int (*new)(InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error);

        /* Returns at least one byte, or 0 at the end of the stream, when every check has passed and
         * the rest in the reader is not of this format. */
        ssize_t (*read)(InflateDecoder *decoder, void *buffer, size_t size, Error *error);

        void (*free)(InflateDecoder *decoder);

        /* Whether truncation of a stream is detectable, except between two of its members. */
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
