/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "unpack-ring.h"

struct UnpackRing {
        pthread_mutex_t lock;
        pthread_cond_t pushed_more, freed;
        UnpackRingChunk chunks[RING_CHUNKS];
        atomic_uint users
                [RING_CHUNKS]; /* of each chunk: readers that are not done, and holds; without the lock */
        size_t free[RING_CHUNKS]; /* a stack of places in @chunks */
        size_t n_free;
        size_t queue[RING_CHUNKS];       /* the place of chunk number n is at n % RING_CHUNKS */
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
        (void) pthread_cond_init(&ring->pushed_more, NULL);
        (void) pthread_cond_init(&ring->freed, NULL);

        for (size_t i = 0; i < RING_CHUNKS; i++)
                ring->free[ring->n_free++] = i;

        *ret = TAKE_PTR(ring);
        return 0;
}

UnpackRing *unpack_ring_free(UnpackRing *ring) {
        if (!ring)
                return NULL;

        for (size_t i = 0; i < RING_CHUNKS; i++)
                free(ring->chunks[i].data);
        error_clear(&ring->error);
        (void) pthread_cond_destroy(&ring->freed);
        (void) pthread_cond_destroy(&ring->pushed_more);
        (void) pthread_mutex_destroy(&ring->lock);
        free(ring);
        return NULL;
}

static size_t place_of(const UnpackRing *ring, const UnpackRingChunk *chunk) {
        return (size_t) (chunk - ring->chunks);
}

/* With the lock. */
static void set_free(UnpackRing *ring, size_t place) {
        ring->free[ring->n_free++] = place;
        (void) pthread_cond_signal(&ring->freed);
}

/* Returns whether nobody uses the chunk any more. */
static bool drop_user(UnpackRing *ring, size_t place) {
        const unsigned before = atomic_fetch_sub(&ring->users[place], 1);

        assert(before > 0);
        return before == 1;
}

/* With the lock. */
static void fail(UnpackRing *ring, Error *error) {
        if (ring->failed)
                error_clear(error);
        else {
                error_move(&ring->error, error);
                ring->failed = true;
        }
        (void) pthread_cond_broadcast(&ring->pushed_more);
        (void) pthread_cond_broadcast(&ring->freed);
}

/* With the lock: the chunk that was used last, or a new one. A small layer needs few of them. */
static int take_free(UnpackRing *ring, UnpackRingChunk **ret) {
        UnpackRingChunk *chunk = &ring->chunks[ring->free[--ring->n_free]];
        Error error = ERROR_NULL;

        if (!chunk->data)
                chunk->data = malloc(RING_CHUNK_BYTES);
        if (!chunk->data) {
                error_oom(&error);
                fail(ring, &error);
                return -ECANCELED;
        }

        *ret = chunk;
        return 0;
}

int unpack_ring_fill(UnpackRing *ring, UnpackRingChunk **ret) {
        int r;

        (void) pthread_mutex_lock(&ring->lock);
        while (!ring->failed && ring->n_free == 0)
                (void) pthread_cond_wait(&ring->freed, &ring->lock);
        r = ring->failed ? -ECANCELED : take_free(ring, ret);
        (void) pthread_mutex_unlock(&ring->lock);
        return r;
}

void unpack_ring_push(UnpackRing *ring, const UnpackRingChunk *chunk) {
        const size_t place = place_of(ring, chunk);

        (void) pthread_mutex_lock(&ring->lock);
        atomic_store(&ring->users[place], _RING_READER_MAX);
        ring->queue[ring->pushed++ % RING_CHUNKS] = place;
        (void) pthread_cond_broadcast(&ring->pushed_more);
        (void) pthread_mutex_unlock(&ring->lock);
}

void unpack_ring_close(UnpackRing *ring) {
        (void) pthread_mutex_lock(&ring->lock);
        ring->closed = true;
        (void) pthread_cond_broadcast(&ring->pushed_more);
        (void) pthread_mutex_unlock(&ring->lock);
}

int unpack_ring_pull(UnpackRing *ring, UnpackRingReader reader, const UnpackRingChunk **ret) {
        uint64_t *done = &ring->done[reader];
        int r;

        (void) pthread_mutex_lock(&ring->lock);
        if (ring->holding[reader]) {
                const size_t place = ring->queue[(*done)++ % RING_CHUNKS];

                ring->holding[reader] = false;
                if (drop_user(ring, place))
                        set_free(ring, place);
        }

        while (!ring->failed && !ring->closed && *done == ring->pushed)
                (void) pthread_cond_wait(&ring->pushed_more, &ring->lock);
        if (ring->failed)
                r = -ECANCELED;
        else if (*done == ring->pushed)
                r = 0;
        else {
                ring->holding[reader] = true;
                *ret = &ring->chunks[ring->queue[*done % RING_CHUNKS]];
                r = 1;
        }
        (void) pthread_mutex_unlock(&ring->lock);
        return r;
}

void unpack_ring_hold(UnpackRing *ring, const UnpackRingChunk *chunk) {
        const unsigned before = atomic_fetch_add(&ring->users[place_of(ring, chunk)], 1);

        assert(before > 0);
}

void unpack_ring_release(UnpackRing *ring, const UnpackRingChunk *chunk) {
        const size_t place = place_of(ring, chunk);

        if (!drop_user(ring, place))
                return;
        (void) pthread_mutex_lock(&ring->lock);
        set_free(ring, place);
        (void) pthread_mutex_unlock(&ring->lock);
}

void unpack_ring_fail(UnpackRing *ring, Error *error) {
        (void) pthread_mutex_lock(&ring->lock);
        fail(ring, error);
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
