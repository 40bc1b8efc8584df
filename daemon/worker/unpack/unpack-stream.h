/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Passes one layer after another from the ring to libarchive without copying. Bytes that libarchive has
 * read since a mark can be inspected: they are kept if they span chunks.
 */

#include <archive.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unpack-ring.h"

typedef struct UnpackStream {
        UnpackRing *ring;             /* borrowed */
        const UnpackRingChunk *chunk; /* borrowed; the one that libarchive has, or will get next */
        bool given;                   /* libarchive has it */
        bool ended;                   /* and knows that it was the last one of the layer */
        uint64_t chunk_start;         /* its offset in the layer, bytes */

        bool marked;
        uint64_t mark; /* offset in the layer, bytes */
        uint8_t *kept; /* owned; from the mark up to the chunk */
        size_t kept_bytes;
        size_t keep_limit; /* bytes after a mark, at most; reading fails beyond */
        bool over_limit;   /* reading has failed for this reason */

        void (*on_chunk)(
                void *userdata, const UnpackRingChunk *done); /* a chunk has been used up */
        void *userdata;                                       /* borrowed */
} UnpackStream;

/** unpack_stream_next() - proceed to the next layer; returns 1, 0 if there is none, or -ECANCELED */
int unpack_stream_next(UnpackStream *stream);

/** unpack_stream_read() - libarchive's read callback; @userdata is the UnpackStream */
la_ssize_t unpack_stream_read(struct archive *archive, void *userdata, const void **ret);

/** unpack_stream_drain() - skip the rest of the layer; returns 0 or -ECANCELED */
int unpack_stream_drain(UnpackStream *stream);

/** unpack_stream_mark() - keep what is read from the offset @place on, in or at the end of the chunk that
 * libarchive has */
void unpack_stream_mark(UnpackStream *stream, uint64_t place);

/**
 * unpack_stream_look_back() - get the bytes from the mark to the offset @end; forgets the mark
 * @ret:        within the stream, valid until libarchive continues reading
 *
 * Return: 0; -EFBIG if they exceed the limit; -EBADMSG if the mark was in an earlier chunk; -ENOMEM.
 */
int unpack_stream_look_back(
        UnpackStream *stream, uint64_t end, const uint8_t **ret, size_t *ret_size);

/** unpack_stream_done() - release what @stream owns */
void unpack_stream_done(UnpackStream *stream);
