/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unpack-writers.h"

#define FILES 1000

/* A target that keeps what its files got, and can be held up. */
typedef struct Target {
        UnpackTarget target;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool is_shut;    /* threads wait in write() */
        unsigned n_shut; /* that do */
        int fails_at;    /* the file whose write fails */
        pthread_t caller;
        unsigned n_by_caller, n_finished, n_discarded; /* finished: as they should be */
} Target;

struct UnpackFile {
        int number;
        char content[32];
        size_t size;
};

typedef struct Fixture {
        Target target;
        UnpackRing *ring;
        UnpackRingChunk *chunk; /* pulled, of all zeros but for what a test writes */
        UnpackWriters *writers;
        unsigned n_failures;
        char failure[256];
} Fixture;

static int on_write(
        UnpackTarget *target,
        UnpackFile *file,
        uint64_t offset,
        const void *data,
        size_t size,
        Error *error) {
        Target *t = (Target *) target;
        const bool by_caller = pthread_equal(pthread_self(), t->caller);

        (void) pthread_mutex_lock(&t->lock);
        t->n_by_caller += by_caller;
        while (t->is_shut && !by_caller) {
                t->n_shut++;
                (void) pthread_cond_broadcast(&t->changed);
                (void) pthread_cond_wait(&t->changed, &t->lock);
                t->n_shut--;
        }
        (void) pthread_mutex_unlock(&t->lock);
        if (file->number == t->fails_at)
                return error_set(error, ENOSPC, ERROR_NO_SPACE, "The disk is full");

        if (offset < sizeof(file->content) && size < sizeof(file->content) - offset)
                memcpy(file->content + offset, data, size);
        file->size = offset + size;
        return 0;
}

static int on_finish(
        UnpackTarget *target,
        UnpackFile *file,
        const UnpackEntry *entry,
        const UnpackMeta *meta,
        Error *error) {
        Target *t = (Target *) target;
        char expected[32];
        bool is_right;

        (void) snprintf(expected, sizeof(expected), "file %d", file->number);
        is_right = file->size == meta->size && strcmp(file->content, expected) == 0 &&
                   strcmp(entry->path, expected) == 0 && entry->number == (uint64_t) file->number &&
                   meta->n_xattrs == 1 && strcmp(meta->xattrs[0].name, "user.x") == 0;
        free(file);

        (void) pthread_mutex_lock(&t->lock);
        t->n_finished += is_right;
        (void) pthread_mutex_unlock(&t->lock);
        return 0;
}

static void on_discard(UnpackTarget *target, UnpackFile *file) {
        Target *t = (Target *) target;

        free(file);
        (void) pthread_mutex_lock(&t->lock);
        t->n_discarded++;
        (void) pthread_mutex_unlock(&t->lock);
}

static const UnpackTargetOps independent = {
        .write = on_write,
        .finish = on_finish,
        .discard = on_discard,
        .has_independent_files = true,
};

static const UnpackTargetOps dependent = {
        .write = on_write,
        .finish = on_finish,
        .discard = on_discard,
};

static void on_failure(void *userdata, const InflateLayer *layer, Error *error) {
        Fixture *f = userdata;

        /* Whoever hears of it too early finds no failure yet. */
        (void) usleep(20000);
        f->n_failures += layer->has_digest;
        (void) snprintf(f->failure, sizeof(f->failure), "%s", error_text(error));
        error_clear(error);
}

static void begin(Fixture *f, const UnpackTargetOps *ops, unsigned n_threads) {
        const UnpackWritersOptions options = {
                .target = &f->target.target,
                .ring = f->ring,
                .n_threads = n_threads,
                .on_failure = on_failure,
                .userdata = f,
        };

        f->target.target.ops = ops;
        assert_int_equal(unpack_writers_new(&options, &f->writers, NULL), 0);
}

/* The file "file N", of @size bytes, whose content is at @data. */
static int put_at(Fixture *f, int number, uint64_t size, const char *data) {
        const InflateLayer layer = { .has_digest = true };
        UnpackFile *file = calloc(1, sizeof(*file));
        UnpackMeta meta = { .size = size, .n_xattrs = 1 };
        char path[32];
        int r = 0;

        file->number = number;
        meta.xattrs = calloc(1, sizeof(*meta.xattrs));
        meta.xattrs->name = strdup("user.x");
        (void) snprintf(path, sizeof(path), "file %d", number);
        assert_int_equal(
                unpack_writers_begin(
                        f->writers, &layer, &(UnpackEntry){ path, (uint64_t) number }, file, &meta,
                        NULL),
                0);
        assert_null(meta.xattrs);
        r = unpack_writers_write(f->writers, 0, data, strlen(data), f->chunk, NULL);
        if (r >= 0 && size > strlen(data))
                r = unpack_writers_write(f->writers, size - 1, "", 1, f->chunk, NULL);
        return r < 0 ? r : unpack_writers_finish(f->writers, NULL);
}

static int put(Fixture *f, int number) {
        char text[32];

        /* It is gone when this returns. */
        (void) snprintf(text, sizeof(text), "file %d", number);
        return put_at(f, number, strlen(text), text);
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        const UnpackRingChunk *pulled;

        assert_non_null(f);
        (void) pthread_mutex_init(&f->target.lock, NULL);
        (void) pthread_cond_init(&f->target.changed, NULL);
        f->target.caller = pthread_self();
        f->target.fails_at = -1;
        assert_int_equal(unpack_ring_new(&f->ring, NULL), 0);
        assert_int_equal(unpack_ring_fill(f->ring, &f->chunk), 0);
        f->chunk->size = RING_CHUNK_BYTES;
        unpack_ring_push(f->ring, f->chunk);
        assert_int_equal(unpack_ring_pull(f->ring, RING_WRITER, &pulled), 1);
        assert_int_equal(unpack_ring_pull(f->ring, RING_HASHER, &pulled), 1);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        unpack_writers_free(f->writers);
        unpack_ring_free(f->ring);
        (void) pthread_cond_destroy(&f->target.changed);
        (void) pthread_mutex_destroy(&f->target.lock);
        free(f);
        return 0;
}

static void shut(Fixture *f, bool is_shut) {
        (void) pthread_mutex_lock(&f->target.lock);
        f->target.is_shut = is_shut;
        (void) pthread_cond_broadcast(&f->target.changed);
        (void) pthread_mutex_unlock(&f->target.lock);
}

static void wait_for_shut(Fixture *f, unsigned n) {
        (void) pthread_mutex_lock(&f->target.lock);
        while (f->target.n_shut < n)
                (void) pthread_cond_wait(&f->target.changed, &f->target.lock);
        (void) pthread_mutex_unlock(&f->target.lock);
}

#define WRITERS_TEST(name) TEST_WITH(name, set_up, tear_down)

WRITERS_TEST(all_files_are_complete_when_drained) {
        static const unsigned counts[] = { 0, 1, WRITERS_THREADS_MAX };
        Fixture *f = *state;

        for (size_t i = 0; i < 3; i++) {
                begin(f, &independent, counts[i]);
                for (int n = 0; n < FILES; n++)
                        assert_int_equal(put(f, n), 0);
                assert_int_equal(unpack_writers_drain(f->writers), 0);
                assert_int_equal(f->target.n_finished, (i + 1) * FILES);
                f->writers = unpack_writers_free(f->writers);
        }
        assert_int_equal(f->target.n_discarded, 0);
        assert_int_equal(f->n_failures, 0);
}

WRITERS_TEST(files_that_are_not_independent_are_written_by_the_caller) {
        Fixture *f = *state;

        begin(f, &dependent, 1);
        shut(f, true);
        for (int n = 0; n < FILES; n++) {
                assert_int_equal(put(f, n), 0);
                assert_int_equal(f->target.n_finished, n + 1);
        }
}

WRITERS_TEST(large_files_are_written_by_the_caller_at_once) {
        Fixture *f = *state;

        begin(f, &independent, 1);
        shut(f, true);
        assert_int_equal(put_at(f, 1, WRITERS_FILE_BYTES + 1, "file 1"), 0);
        assert_int_equal(f->target.n_finished, 1);
        assert_int_equal(f->target.n_by_caller, 2);
}

WRITERS_TEST(caller_writes_what_the_queue_has_no_room_for) {
        Fixture *f = *state;

        begin(f, &independent, 1);
        shut(f, true);
        assert_int_equal(put(f, 0), 0);
        assert_int_equal(unpack_writers_flush(f->writers), 0);
        wait_for_shut(f, 1);
        for (int n = 1; n <= (int) WRITERS_QUEUE_BATCHES; n++) {
                assert_int_equal(put(f, n), 0);
                assert_int_equal(unpack_writers_flush(f->writers), 0);
        }
        assert_int_equal(f->target.n_by_caller, 0);
        assert_int_equal(put(f, WRITERS_QUEUE_BATCHES + 1), 0);
        assert_int_equal(unpack_writers_flush(f->writers), 0);
        assert_int_equal(f->target.n_by_caller, 1);
        assert_int_equal(f->target.n_finished, 1);
        shut(f, false);
        assert_int_equal(unpack_writers_drain(f->writers), 0);
        assert_int_equal(f->target.n_finished, WRITERS_QUEUE_BATCHES + 2);
}

WRITERS_TEST(failure_is_told_once_with_the_name_of_the_file) {
        Fixture *f = *state;
        int n = 0, r = 0;

        begin(f, &independent, WRITERS_THREADS_MAX);
        f->target.fails_at = 3;
        for (; r >= 0; n++) {
                r = put(f, n);
                if (r >= 0)
                        r = unpack_writers_flush(f->writers);
        }
        assert_int_equal(r, -ECANCELED);
        assert_int_equal(f->n_failures, 1);
        assert_string_equal(f->failure, "Cannot unpack \"file 3\": The disk is full");

        assert_int_equal(put(f, n++), 0);
        assert_int_equal(unpack_writers_flush(f->writers), -ECANCELED);
        assert_int_equal(unpack_writers_drain(f->writers), -ECANCELED);
        f->writers = unpack_writers_free(f->writers);
        assert_int_equal(f->n_failures, 1);
        assert_int_equal(f->target.n_finished + f->target.n_discarded, n);
        assert_true(f->target.n_discarded >= 2); /* that one, and the last one */
}

WRITERS_TEST(chunk_is_not_filled_again_while_a_file_needs_it) {
        UnpackRingChunk *chunks[RING_CHUNKS];
        Fixture *f = *state;
        const UnpackRingChunk *pulled;

        begin(f, &independent, 1);
        shut(f, true);
        strcpy((char *) f->chunk->data, "file 3");
        assert_int_equal(put_at(f, 3, 6, (const char *) f->chunk->data), 0);
        assert_int_equal(unpack_writers_flush(f->writers), 0);
        wait_for_shut(f, 1);

        /* Both readers are done with it, and the ring has gone round twice. */
        for (size_t i = 0; i < (size_t) 2 * RING_CHUNKS; i++) {
                UnpackRingChunk *filled;

                assert_int_equal(unpack_ring_fill(f->ring, &filled), 0);
                assert_ptr_not_equal(filled, f->chunk);
                memset(filled->data, 'x', RING_CHUNK_BYTES);
                unpack_ring_push(f->ring, filled);
                assert_int_equal(unpack_ring_pull(f->ring, RING_WRITER, &pulled), 1);
                assert_int_equal(unpack_ring_pull(f->ring, RING_HASHER, &pulled), 1);
        }

        shut(f, false);
        assert_int_equal(unpack_writers_drain(f->writers), 0);
        assert_int_equal(f->target.n_finished, 1);
        /* Now it is free again: all but the one that the readers have. */
        for (size_t i = 0; i < RING_CHUNKS - 1; i++)
                assert_int_equal(unpack_ring_fill(f->ring, &chunks[i]), 0);
}

WRITERS_TEST(file_in_the_middle_is_discarded_with_the_writers) {
        const InflateLayer layer = { .has_digest = true };
        Fixture *f = *state;
        UnpackMeta meta = { .size = 10 };

        begin(f, &independent, 1);
        assert_int_equal(
                unpack_writers_begin(
                        f->writers, &layer, &(UnpackEntry){ "half", 1 },
                        calloc(1, sizeof(UnpackFile)), &meta, NULL),
                0);
        assert_int_equal(unpack_writers_write(f->writers, 0, "half", 4, f->chunk, NULL), 0);
        f->writers = unpack_writers_free(f->writers);
        assert_int_equal(f->target.n_discarded, 1);
        assert_int_equal(f->target.n_finished, 0);
}
