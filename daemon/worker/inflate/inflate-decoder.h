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

typedef struct Decoder Decoder; /* each format's own */

typedef struct DecoderOps {
        /* Whether a stream that starts with @size <= DECODER_HEAD_BYTES bytes at @head is this
         * format's. */
        bool (*matches)(const uint8_t *head, size_t size);

        /* A decoder of the bytes from @reader on, which is borrowed. */
        int (*new)(Reader *reader, const Limits *limits, Decoder **ret, Error *error);

        /* At least one byte, 0 at the end of the stream, or a negative errno with @error set. At
         * the end every check has passed; what the reader still has is not of this format. */
        ssize_t (*read)(Decoder *decoder, void *buffer, size_t size, Error *error);

        void (*free)(Decoder *decoder);

        /* Whether a stream that was cut off can be told from a whole one, unless it has several members
         * and was cut between them. */
        bool has_end;
} DecoderOps;

extern const DecoderOps decoder_gzip;       /* inflate-gzip.c */
extern const DecoderOps decoder_zstd;       /* inflate-zstd.c */
extern const DecoderOps decoder_xz;         /* inflate-lzma.c */
extern const DecoderOps decoder_lzip;       /* inflate-lzma.c */
extern const DecoderOps decoder_bzip2;      /* inflate-filter.c */
extern const DecoderOps decoder_lz4;        /* inflate-filter.c */
extern const DecoderOps decoder_lz4_legacy; /* inflate-filter.c */
extern const DecoderOps decoder_lzop;       /* inflate-lzop.c */
extern const DecoderOps decoder_none;       /* inflate-none.c; matches everything */
