/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base-thread.h"
#include "unpack-writers.h"

/* What is handed over at a time: a lock, and a thread to wake, cost about as much as one small file. */
#define BATCH_FILES 16u
#define BATCH_BYTES ((uint64_t) 256 << 10)

typedef struct Piece {
        uint64_t offset;
        const void *data;
        size_t size;
        const UnpackRingChunk *chunk; /* held; NULL: @data is owned */
} Piece;

/* What a file is to get. */
typedef struct Content {
        UnpackFile *file; /* owned */
        UnpackMeta meta;
        InflateLayer layer;
        bool is_queued_whole; /* else it is written piece by piece */
        Piece pieces[WRITERS_FILE_PIECES];
        size_t n_pieces;
        uint64_t bytes;    /* of its pieces */
        UnpackEntry entry; /* its path is below */
        char path[];
} Content;

typedef struct Batch {
        struct Batch *next;
        Content *contents[BATCH_FILES]; /* owned */
        size_t n_contents;
        uint64_t bytes;
} Batch;

struct UnpackWriters {
        UnpackWritersOptions options;
        Content *current; /* owned; the file that the caller is at */
        Batch *filling;   /* owned; of the caller, too */

        pthread_mutex_t lock; /* of all that follows */
        pthread_cond_t queued, idle;
        Batch *first, *last; /* owned */
        size_t n_batches;    /* queued */
        unsigned n_working;  /* threads */
        bool closed;
        bool failing; /* on_failure() is being called, or has been … */
        bool failed;  /* … which it has */

        pthread_t threads[WRITERS_THREADS_MAX];
        unsigned n_threads;
};

unsigned unpack_writers_default_threads(void) {
        cpu_set_t cpus;
        int n;

        if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
                return WRITERS_THREADS_MAX; /* more CPUs than a set holds */
        n = CPU_COUNT(&cpus) - 1;
        return n < 0 ? 0 : (unsigned) n < WRITERS_THREADS_MAX ? (unsigned) n : WRITERS_THREADS_MAX;
}

static void release_pieces(UnpackWriters *writers, Content *content) {
        for (size_t i = 0; i < content->n_pieces; i++) {
                if (content->pieces[i].chunk)
                        unpack_ring_release(writers->options.ring, content->pieces[i].chunk);
                else
                        free((void *) content->pieces[i].data);
        }
        content->n_pieces = 0;
}

static void content_free(UnpackWriters *writers, Content *content) {
        release_pieces(writers, content);
        if (content->file)
                unpack_target_discard(writers->options.target, content->file);
        unpack_meta_done(&content->meta);
        free(content);
}

static int write_pieces(UnpackWriters *writers, Content *content, Error *error) {
        UnpackTarget *target = writers->options.target;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < content->n_pieces; i++)
                r = target->ops->write(
                        target, content->file, content->pieces[i].offset, content->pieces[i].data,
                        content->pieces[i].size, error);
        release_pieces(writers, content);
        return r;
}

static int content_write(UnpackWriters *writers, Content *content, Error *error) {
        UnpackTarget *target = writers->options.target;
        int r;

        r = write_pieces(writers, content, error);
        return r < 0 ? r
                     : target->ops->finish(
                               target, TAKE_PTR(content->file), &content->entry, &content->meta,
                               error);
}

static Batch *batch_free(UnpackWriters *writers, Batch *batch) {
        if (!batch)
                return NULL;

        for (size_t i = 0; i < batch->n_contents; i++)
                content_free(writers, batch->contents[i]);
        free(batch);
        return NULL;
}

/* The oldest one of the queue, which has one. */
static Batch *take_first(UnpackWriters *writers) {
        Batch *batch = writers->first;

        writers->first = batch->next;
        if (!writers->first)
                writers->last = NULL;
        writers->n_batches--;
        return batch;
}

static void append(UnpackWriters *writers, Batch *batch) {
        if (writers->last)
                writers->last->next = batch;
        else
                writers->first = batch;
        writers->last = batch;
        writers->n_batches++;
}

/* Nobody hears of it before on_failure() has. */
static void fail(UnpackWriters *writers, const Content *content, Error *error) {
        bool is_first;

        (void) pthread_mutex_lock(&writers->lock);
        is_first = !writers->failing;
        writers->failing = true;
        (void) pthread_mutex_unlock(&writers->lock);
        if (!is_first) {
                error_clear(error);
                return;
        }

        (void) error_prefix(error, "Cannot unpack \"%s\"", content->path);
        writers->options.on_failure(writers->options.userdata, &content->layer, error);
        (void) pthread_mutex_lock(&writers->lock);
        writers->failed = true;
        (void) pthread_cond_broadcast(&writers->queued);
        (void) pthread_mutex_unlock(&writers->lock);
}

/* Writes the oldest batch without the lock, which is held before and after. */
static void work(UnpackWriters *writers) {
        Batch *batch = take_first(writers);
        Error error = ERROR_NULL;
        int r = 0;

        writers->n_working++;
        (void) pthread_mutex_unlock(&writers->lock);
        for (size_t i = 0; r >= 0 && i < batch->n_contents; i++) {
                r = content_write(writers, batch->contents[i], &error);
                if (r < 0)
                        fail(writers, batch->contents[i], &error);
        }
        batch_free(writers, batch);
        (void) pthread_mutex_lock(&writers->lock);
        writers->n_working--;
}

static void *writer_thread(void *userdata) {
        UnpackWriters *writers = userdata;

        (void) pthread_mutex_lock(&writers->lock);
        while (!writers->closed && !writers->failed) {
                if (writers->first) {
                        work(writers);
                        continue;
                }

                (void) pthread_cond_signal(&writers->idle);
                (void) pthread_cond_wait(&writers->queued, &writers->lock);
        }
        (void) pthread_cond_signal(&writers->idle);
        (void) pthread_mutex_unlock(&writers->lock);
        return NULL;
}

int unpack_writers_new(const UnpackWritersOptions *options, UnpackWriters **ret, Error *error) {
        _cleanup_(unpack_writers_freep) UnpackWriters *writers = NULL;
        int r;

        assert(options->n_threads <= WRITERS_THREADS_MAX);

        writers = calloc(1, sizeof(*writers));
        if (!writers)
                return error_oom(error);

        writers->options = *options;
        (void) pthread_mutex_init(&writers->lock, NULL);
        (void) pthread_cond_init(&writers->queued, NULL);
        (void) pthread_cond_init(&writers->idle, NULL);

        while (options->target->ops->has_independent_files &&
               writers->n_threads < options->n_threads) {
                r = thread_start(&writers->threads[writers->n_threads], writer_thread, writers);
                if (r < 0)
                        return error_set_errno(error, -r, "Cannot start a thread");
                writers->n_threads++;
        }

        *ret = TAKE_PTR(writers);
        return 0;
}

UnpackWriters *unpack_writers_free(UnpackWriters *writers) {
        if (!writers)
                return NULL;

        (void) pthread_mutex_lock(&writers->lock);
        writers->closed = true;
        (void) pthread_cond_broadcast(&writers->queued);
        (void) pthread_mutex_unlock(&writers->lock);
        for (unsigned i = 0; i < writers->n_threads; i++)
                (void) pthread_join(writers->threads[i], NULL);

        while (writers->first)
                batch_free(writers, take_first(writers));
        batch_free(writers, writers->filling);
        if (writers->current)
                content_free(writers, writers->current);
        (void) pthread_cond_destroy(&writers->idle);
        (void) pthread_cond_destroy(&writers->queued);
        (void) pthread_mutex_destroy(&writers->lock);
        free(writers);
        return NULL;
}

int unpack_writers_begin(
        UnpackWriters *writers,
        const InflateLayer *layer,
        const UnpackEntry *entry,
        UnpackFile *file,
        UnpackMeta *meta,
        Error *error) {
        const size_t size = strlen(entry->path) + 1;
        Content *content;

        assert(!writers->current);

        content = calloc(1, sizeof(*content) + size);
        if (!content) {
                unpack_target_discard(writers->options.target, file);
                return error_oom(error);
        }

        content->file = file;
        content->meta = TAKE_STRUCT(*meta);
        content->layer = *layer;
        content->is_queued_whole =
                writers->n_threads > 0 && content->meta.size <= WRITERS_FILE_BYTES;
        memcpy(content->path, entry->path, size);
        content->entry = (UnpackEntry){ content->path, entry->number };
        writers->current = content;
        return 0;
}

static bool is_in_chunk(const UnpackRingChunk *chunk, const uint8_t *data, size_t size) {
        return data >= chunk->data && data + size <= chunk->data + chunk->size;
}

static int add_piece(
        UnpackWriters *writers,
        Content *content,
        uint64_t offset,
        const void *data,
        size_t size,
        const UnpackRingChunk *chunk,
        Error *error) {
        Piece *piece = &content->pieces[content->n_pieces];

        *piece = (Piece){ .offset = offset, .data = data, .size = size };
        if (is_in_chunk(chunk, data, size)) {
                unpack_ring_hold(writers->options.ring, chunk);
                piece->chunk = chunk;
        } else {
                void *copy = malloc(size);

                if (!copy)
                        return error_oom(error);
                piece->data = memcpy(copy, data, size);
        }

        content->n_pieces++;
        content->bytes += size;
        return 0;
}

int unpack_writers_write(
        UnpackWriters *writers,
        uint64_t offset,
        const void *data,
        size_t size,
        const UnpackRingChunk *chunk,
        Error *error) {
        UnpackTarget *target = writers->options.target;
        Content *content = writers->current;
        int r;

        if (content->is_queued_whole && content->n_pieces < WRITERS_FILE_PIECES)
                return add_piece(writers, content, offset, data, size, chunk, error);

        content->is_queued_whole = false;
        r = write_pieces(writers, content, error);
        return r < 0 ? r : target->ops->write(target, content->file, offset, data, size, error);
}

/* Hands over what the caller has collected; 0, or -ECANCELED when a thread has failed. */
static int enqueue(UnpackWriters *writers) {
        bool failed;

        (void) pthread_mutex_lock(&writers->lock);
        append(writers, TAKE_PTR(writers->filling));
        (void) pthread_cond_signal(&writers->queued);
        while (writers->n_batches > WRITERS_QUEUE_BATCHES && !writers->failed)
                work(writers);
        failed = writers->failed;
        (void) pthread_mutex_unlock(&writers->lock);
        return failed ? -ECANCELED : 0;
}

static int collect(UnpackWriters *writers, Content *content, Error *error) {
        Batch *batch = writers->filling;

        if (!batch) {
                batch = writers->filling = calloc(1, sizeof(*batch));
                if (!batch) {
                        content_free(writers, content);
                        return error_oom(error);
                }
        }

        batch->contents[batch->n_contents++] = content;
        batch->bytes += content->bytes;
        return batch->n_contents == BATCH_FILES || batch->bytes >= BATCH_BYTES ? enqueue(writers)
                                                                               : 0;
}

int unpack_writers_finish(UnpackWriters *writers, Error *error) {
        Content *content = TAKE_PTR(writers->current);
        int r;

        if (content->is_queued_whole)
                return collect(writers, content, error);

        r = content_write(writers, content, error);
        content_free(writers, content);
        return r;
}

int unpack_writers_flush(UnpackWriters *writers) {
        return writers->filling ? enqueue(writers) : 0;
}

int unpack_writers_drain(UnpackWriters *writers) {
        bool failed;
        int r;

        r = unpack_writers_flush(writers);
        if (r < 0)
                return r;

        (void) pthread_mutex_lock(&writers->lock);
        while (!writers->failed && (writers->first || writers->n_working > 0)) {
                if (writers->first)
                        work(writers);
                else
                        (void) pthread_cond_wait(&writers->idle, &writers->lock);
        }
        failed = writers->failed;
        (void) pthread_mutex_unlock(&writers->lock);
        return failed ? -ECANCELED : 0;
}
