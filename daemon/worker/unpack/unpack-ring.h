/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The uncompressed layers on their way from the inflating thread to the hashing and the writing
 * one: a fixed number of chunks of a fixed size, which are filled in order, seen by both readers in
 * order, and filled again when both are done with them.
 *
 *     producer: fill, push, fill, push, … close
 *     reader:   pull, pull, … (each pull gives back the chunk before)
 *
 * The first failure of any thread ends all of them: every call returns -ECANCELED from then on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "inflate-input.h"

#define RING_CHUNKS      16u
#define RING_CHUNK_BYTES ((size_t) 256 << 10)

typedef enum RingReader {
        RING_HASHER,
        RING_WRITER,
        _RING_READER_MAX,
} RingReader;

/* Each layer is one or more chunks. */
typedef struct RingChunk {
        uint8_t *data; /* RING_CHUNK_BYTES; owned by the ring */
        size_t size;   /* bytes used; may be 0 */
        bool last;     /* of its layer */
        bool has_end;  /* its layer is compressed so that what is cut off is no valid stream */
        bool has_rest; /* something that was left out follows its layer; known of the last one */
        UnpackLayer layer;
        uint64_t consumed; /* compressed bytes of all layers up to the end of this chunk */
} RingChunk;

typedef struct Ring Ring;

/** ring_new() - allocate all chunks; *@ret is owned by the caller; -ENOMEM with @error set */
int ring_new(Ring **ret, Error *error);

/** ring_free() - release @ring (may be NULL); no thread may be using it */
Ring *ring_free(Ring *ring);

/** ring_fill() - wait for a free chunk; returns 0 and the chunk to fill, or -ECANCELED */
int ring_fill(Ring *ring, RingChunk **ret);

/** ring_push() - hand over the chunk from ring_fill() */
void ring_push(Ring *ring);

/** ring_close() - nothing more will come */
void ring_close(Ring *ring);

/**
 * ring_pull() - give back the chunk from before and wait for the next one
 *
 * Return: 1 and the chunk, 0 after the last one of the closed ring, or -ECANCELED.
 */
int ring_pull(Ring *ring, RingReader reader, const RingChunk **ret);

/** ring_fail() - end all threads; takes over @error, which is dropped when another came first */
void ring_fail(Ring *ring, Error *error);

/** ring_take_error() - the first failure; returns 0 when there was none, else -errno with @error
 * set */
int ring_take_error(Ring *ring, Error *error);

DEFINE_CLEANUP(Ring, ring_free);
