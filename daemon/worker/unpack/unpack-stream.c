/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "unpack-stream.h"

/* Appends the bytes of the chunk between the mark and @end to the kept ones. */
static int keep(UnpackStream *stream, uint64_t end) {
        const uint64_t from =
                stream->mark > stream->chunk_start ? stream->mark : stream->chunk_start;
        uint8_t *bigger;
        size_t size;

        if (end <= from)
                return 0;

        size = (size_t) (end - from);
        if (size > stream->keep_limit - stream->kept_bytes) {
                stream->over_limit = true;
                return -EFBIG;
        }

        bigger = realloc(stream->kept, stream->kept_bytes + size);
        if (!bigger)
                return -ENOMEM;

        stream->kept = bigger;
        memcpy(stream->kept + stream->kept_bytes,
               stream->chunk->data + (from - stream->chunk_start), size);
        stream->kept_bytes += size;
        return 0;
}

static int pull(UnpackStream *stream) {
        int r;

        if (stream->marked) {
                r = keep(stream, stream->chunk_start + stream->chunk->size);
                if (r < 0)
                        return r;
        }

        stream->chunk_start += stream->chunk->size;
        stream->on_chunk(stream->userdata, stream->chunk);
        return unpack_ring_pull(stream->ring, RING_WRITER, &stream->chunk);
}

static void forget_mark(UnpackStream *stream) {
        free(stream->kept);
        stream->kept = NULL;
        stream->kept_bytes = 0;
        stream->marked = false;
}

int unpack_stream_next(UnpackStream *stream) {
        forget_mark(stream);
        if (stream->chunk)
                stream->on_chunk(stream->userdata, stream->chunk);

        stream->chunk = NULL;
        stream->chunk_start = 0;
        stream->given = stream->ended = false;
        return unpack_ring_pull(stream->ring, RING_WRITER, &stream->chunk);
}

la_ssize_t unpack_stream_read(struct archive *archive, void *userdata, const void **ret) {
        UnpackStream *stream = userdata;
        int r;

        /* libarchive takes an empty chunk for the end. */
        while (!stream->chunk->last && (stream->given || stream->chunk->size == 0)) {
                r = pull(stream);
                if (r <= 0) {
                        archive_set_error(archive, r < 0 ? -r : ECANCELED, "Cancelled");
                        return ARCHIVE_FATAL;
                }
                stream->given = false;
        }
        stream->ended = stream->given || stream->chunk->size == 0;
        if (stream->ended)
                return 0;

        stream->given = true;
        *ret = stream->chunk->data;
        return (la_ssize_t) stream->chunk->size;
}

int unpack_stream_drain(UnpackStream *stream) {
        forget_mark(stream);
        while (!stream->chunk->last)
                if (pull(stream) <= 0)
                        return -ECANCELED;
        return 0;
}

void unpack_stream_mark(UnpackStream *stream, uint64_t place) {
        forget_mark(stream);
        stream->mark = place;
        stream->marked = place >= stream->chunk_start;
}

int unpack_stream_look_back(
        UnpackStream *stream, uint64_t end, const uint8_t **ret, size_t *ret_size) {
        if (!stream->marked || end < stream->mark)
                return -EBADMSG;

        stream->marked = false;
        if (stream->mark >= stream->chunk_start) {
                *ret = stream->chunk->data + (stream->mark - stream->chunk_start);
                *ret_size = (size_t) (end - stream->mark);
                return 0;
        }

        if (keep(stream, end) < 0)
                return stream->over_limit ? -EFBIG : -ENOMEM;
        *ret = stream->kept;
        *ret_size = stream->kept_bytes;
        return 0;
}

void unpack_stream_done(UnpackStream *stream) {
        forget_mark(stream);
}
