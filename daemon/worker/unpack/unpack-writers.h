/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes the contents of files: small ones in threads beside the one that makes names, large ones at once.
 *
 *     (writers_begin, writers_write*, writers_finish)*, writers_drain
 *
 * All calls come from the thread that makes names. Small files are queued whole, without a copy of what the
 * ring holds, and taken by whichever thread is free. When the queue is full, the caller writes its oldest
 * file itself, so nobody waits while there is work. A file that is too large for the queue is written by the
 * caller, piece by piece: inflating it takes longer than writing it.
 *
 * There are as many threads as CPUs, without the caller's, and none for a target whose files are not
 * independent.
 */

#include "base-cleanup.h"
#include "base-error.h"
#include "unpack-ring.h"
#include "unpack-target.h"

#define WRITERS_THREADS_MAX   4u
#define WRITERS_FILE_BYTES    ((uint64_t) 1 << 20) /* of a file that is queued, at most */
#define WRITERS_FILE_PIECES   8u
#define WRITERS_QUEUE_BATCHES 8u

typedef struct UnpackWriters UnpackWriters;

typedef struct UnpackWritersOptions {
        UnpackTarget *target; /* borrowed */
        UnpackRing *ring;     /* borrowed */
        unsigned n_threads;

        /* A queued file cannot be written; takes over @error. Called once at most, from any thread. @layer is
         * the one that the file is from. */
        void (*on_failure)(void *userdata, const InflateLayer *layer, Error *error);
        void *userdata; /* borrowed */
} UnpackWritersOptions;

/** unpack_writers_default_threads() - as many as make use of this process's CPUs */
unsigned unpack_writers_default_threads(void);

/** unpack_writers_new() - start the threads; *@ret is owned by the caller */
int unpack_writers_new(const UnpackWritersOptions *options, UnpackWriters **ret, Error *error);

/** unpack_writers_free() - end the threads; discards the files that are not complete */
UnpackWriters *unpack_writers_free(UnpackWriters *writers);

/**
 * unpack_writers_begin() - a file follows
 * @file:       taken over, also on failure
 * @meta:       what it owns is taken over on success
 */
int unpack_writers_begin(
        UnpackWriters *writers,
        const InflateLayer *layer,
        const UnpackEntry *entry,
        UnpackFile *file,
        UnpackMeta *meta,
        Error *error);

/**
 * unpack_writers_write() - content of the file, at rising offsets
 * @chunk:      what the ring is read from; @data need not be in it
 */
int unpack_writers_write(
        UnpackWriters *writers,
        uint64_t offset,
        const void *data,
        size_t size,
        const UnpackRingChunk *chunk,
        Error *error);

/** unpack_writers_finish() - the file is whole; -ECANCELED without @error after on_failure() */
int unpack_writers_finish(UnpackWriters *writers, Error *error);

/** unpack_writers_flush() - begin with what was finished: the caller may have to wait for something else; returns
 * as unpack_writers_finish() */
int unpack_writers_flush(UnpackWriters *writers);

/** unpack_writers_drain() - complete all files; -ECANCELED without @error after on_failure() */
int unpack_writers_drain(UnpackWriters *writers);

DEFINE_CLEANUP(UnpackWriters, unpack_writers_free);
