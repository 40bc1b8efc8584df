/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "unpack-ring.h"

struct UnpackRing {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        UnpackRingChunk chunks[RING_CHUNKS];
        uint64_t pushed;                 /* chunks, since the beginning */
        uint64_t done[_RING_READER_MAX]; /* chunks returned */
        bool holding[_RING_READER_MAX];  /* whether chunk number done[reader] is being read */
        bool closed;
        bool failed;
        Error error; /* owned; the first failure */
};

int unpack_ring_new(UnpackRing **ret, Error *error) {
        _cleanup_(unpack_ring_freep) UnpackRing *ring = NULL;

        ring = calloc(1, sizeof(*ring));
        if (!ring)
                return error_oom(error);

        (void) pthread_mutex_init(&ring->lock, NULL);
        (void) pthread_cond_init(&ring->changed, NULL);

        for (size_t i = 0; i < RING_CHUNKS; i++) {
                ring->chunks[i].data = malloc(RING_CHUNK_BYTES);
                if (!ring->chunks[i].data)
                        return error_oom(error);
        }

        *ret = TAKE_PTR(ring);
        return 0;
}

UnpackRing *unpack_ring_free(UnpackRing *ring) {
        if (!ring)
                return NULL;

        for (size_t i = 0; i < RING_CHUNKS; i++)
                free(ring->chunks[i].data);
        error_clear(&ring->error);
        (void) pthread_cond_destroy(&ring->changed);
        (void) pthread_mutex_destroy(&ring->lock);
        free(ring);
        return NULL;
}

static uint64_t ring_slowest(const UnpackRing *ring) {
        uint64_t slowest = ring->done[0];

        for (size_t i = 1; i < _RING_READER_MAX; i++)
                if (ring->done[i] < slowest)
                        slowest = ring->done[i];
        return slowest;
}

int unpack_ring_fill(UnpackRing *ring, UnpackRingChunk **ret) {
        int r = 0;

        (void) pthread_mutex_lock(&ring->lock);
        while (!ring->failed && ring->pushed - ring_slowest(ring) == RING_CHUNKS)
                (void) pthread_cond_wait(&ring->changed, &ring->lock);
        if (ring->failed)
                r = -ECANCELED;
        else
                *ret = &ring->chunks[ring->pushed % RING_CHUNKS];
        (void) pthread_mutex_unlock(&ring->lock);
        return r;
}

void unpack_ring_push(UnpackRing *ring) {
        (void) pthread_mutex_lock(&ring->lock);
        ring->pushed++;
        (void) pthread_cond_broadcast(&ring->changed);
        (void) pthread_mutex_unlock(&ring->lock);
}

void unpack_ring_close(UnpackRing *ring) {
        (void) pthread_mutex_lock(&ring->lock);
        ring->closed = true;
        (void) pthread_cond_broadcast(&ring->changed);
        (void) pthread_mutex_unlock(&ring->lock);
}

int unpack_ring_pull(UnpackRing *ring, UnpackRingReader reader, const UnpackRingChunk **ret) {
        int r;

        (void) pthread_mutex_lock(&ring->lock);
        if (ring->holding[reader]) {
                ring->holding[reader] = false;
                ring->done[reader]++;
                (void) pthread_cond_broadcast(&ring->changed);
        }

        while (!ring->failed && !ring->closed && ring->done[reader] == ring->pushed)
                (void) pthread_cond_wait(&ring->changed, &ring->lock);
        if (ring->failed)
                r = -ECANCELED;
        else if (ring->done[reader] == ring->pushed)
                r = 0;
        else {
                ring->holding[reader] = true;
                *ret = &ring->chunks[ring->done[reader] % RING_CHUNKS];
                r = 1;
        }
        (void) pthread_mutex_unlock(&ring->lock);
        return r;
}

void unpack_ring_fail(UnpackRing *ring, Error *error) {
        (void) pthread_mutex_lock(&ring->lock);
        if (ring->failed)
                error_clear(error);
        else {
                error_move(&ring->error, error);
                ring->failed = true;
        }
        (void) pthread_cond_broadcast(&ring->changed);
        (void) pthread_mutex_unlock(&ring->lock);
}

int unpack_ring_take_error(UnpackRing *ring, Error *error) {
        int r = 0;

        (void) pthread_mutex_lock(&ring->lock);
        if (ring->failed) {
                r = -ring->error.code;
                error_move(error, &ring->error);
        }
        (void) pthread_mutex_unlock(&ring->lock);
        return r;
}
