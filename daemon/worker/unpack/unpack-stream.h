/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One layer after the other, from the ring to libarchive, without a copy. What libarchive has read
 * can be looked at again, from a mark on: it is kept when it spans chunks.
 */

#include <archive.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unpack-ring.h"

typedef struct UnpackStream {
        UnpackRing *ring;             /* borrowed */
        const UnpackRingChunk *chunk; /* borrowed; the one that libarchive has, or will get first */
        bool given;                   /* libarchive has it */
        bool ended;                   /* and has been told that it was the layer's last one */
        uint64_t chunk_start;         /* its place in the layer, bytes */

        bool marked;
        uint64_t mark; /* place in the layer, bytes */
        uint8_t *kept; /* owned; from the mark up to the chunk */
        size_t kept_bytes;
        size_t keep_limit; /* most bytes from a mark on; reading fails beyond */
        bool over_limit;   /* and it has failed for that */

        void (*on_chunk)(
                void *userdata, const UnpackRingChunk *done); /* a chunk has been used up */
        void *userdata;                                       /* borrowed */
} UnpackStream;

/** unpack_stream_next() - go on to the next layer; returns 1, 0 when there is none, or -ECANCELED */
int unpack_stream_next(UnpackStream *stream);

/** unpack_stream_read() - libarchive's read callback; @userdata is the Stream */
la_ssize_t unpack_stream_read(struct archive *archive, void *userdata, const void **ret);

/** unpack_stream_drain() - go past the rest of the layer; returns 0 or -ECANCELED */
int unpack_stream_drain(UnpackStream *stream);

/** unpack_stream_mark() - keep what is read from @place on, which is in the chunk that libarchive has, or
 * its end */
void unpack_stream_mark(UnpackStream *stream, uint64_t place);

/**
 * unpack_stream_look_back() - what libarchive got from the mark to the place @end; forgets the mark
 * @ret:        within the stream, until libarchive reads on; untouched on failure
 *
 * Return: 0; -EFBIG when that is more than the limit; -EBADMSG when the mark was in an earlier
 * chunk; -ENOMEM.
 */
int unpack_stream_look_back(
        UnpackStream *stream, uint64_t end, const uint8_t **ret, size_t *ret_size);

/** unpack_stream_done() - release what @stream owns */
void unpack_stream_done(UnpackStream *stream);
