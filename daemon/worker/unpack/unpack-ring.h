/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Passes the uncompressed layers from the inflating thread to the hashing and the writing thread: a
 * fixed number of chunks of a fixed size, filled in order, read by both readers in order, and reused,
 * in any order, when both are done with them and nobody holds them.
 *
 *     producer: fill, push, fill, push, … close
 *     reader:   pull, pull, … (each pull returns the previous chunk)
 *     anybody:  hold (while a reader has the chunk), release
 *
 * The first failure of a thread stops all of them: from then on every call returns -ECANCELED.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "inflate-input.h"

#define RING_CHUNKS      64u
#define RING_CHUNK_BYTES ((size_t) 256 << 10)

typedef enum UnpackRingReader {
        RING_HASHER,
        RING_WRITER,
        _RING_READER_MAX,
} UnpackRingReader;

/* Each layer is one or more chunks. */
typedef struct UnpackRingChunk {
        uint8_t *data; /* RING_CHUNK_BYTES; owned by the ring */
        size_t size;   /* bytes used; may be 0 */
        bool last;     /* of its layer */
        bool has_end;  /* its layer is compressed in a way that makes truncation detectable */
        bool has_rest; /* ignored data follows its layer; known in the last chunk */
        InflateLayer layer;
        uint64_t consumed; /* compressed bytes of all layers up to the end of this chunk */
} UnpackRingChunk;

typedef struct UnpackRing UnpackRing;

/** unpack_ring_new() - chunks are allocated when they are needed; *@ret is owned by the caller */
int unpack_ring_new(UnpackRing **ret, Error *error);

/** unpack_ring_free() - release @ring; no thread may be using it */
UnpackRing *unpack_ring_free(UnpackRing *ring);

/** unpack_ring_fill() - wait for a free chunk; returns 0 and the chunk to fill, or -ECANCELED */
int unpack_ring_fill(UnpackRing *ring, UnpackRingChunk **ret);

/** unpack_ring_push() - hand over the chunk from unpack_ring_fill() */
void unpack_ring_push(UnpackRing *ring, const UnpackRingChunk *chunk);

/** unpack_ring_close() - no more chunks will follow */
void unpack_ring_close(UnpackRing *ring);

/**
 * unpack_ring_pull() - return the previous chunk and wait for the next one
 *
 * Return: 1 and the chunk, 0 after the last one of the closed ring, or -ECANCELED.
 */
int unpack_ring_pull(UnpackRing *ring, UnpackRingReader reader, const UnpackRingChunk **ret);

/** unpack_ring_hold() - keep @chunk, which a reader has just now, until unpack_ring_release() */
void unpack_ring_hold(UnpackRing *ring, const UnpackRingChunk *chunk);
void unpack_ring_release(UnpackRing *ring, const UnpackRingChunk *chunk);

/** unpack_ring_fail() - stop all threads; takes over @error, which is dropped if another was first */
void unpack_ring_fail(UnpackRing *ring, Error *error);

/** unpack_ring_take_error() - the first failure; returns 0 if there was none */
int unpack_ring_take_error(UnpackRing *ring, Error *error);

DEFINE_CLEANUP(UnpackRing, unpack_ring_free);
