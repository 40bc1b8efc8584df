/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base-thread.h"
#include "hash.h"
#include "inflate.h"
#include "unpack-run.h"
#include "unpack-tar.h"
#include "unpack-writers.h"

#define HEADER_BLOCKS_BYTES ((size_t) 64 << 10) /* blocks around what the limit counts */
#define PROGRESS_NSEC       INT64_C(50000000)

typedef struct LayerRun {
        const InflateInput *input;  /* borrowed */
        const UnpackEvents *events; /* borrowed */
        UnpackRing *ring;           /* owned */
        Inflate *inflate;           /* owned; the inflating thread's */
        UnpackTree *tree;           /* owned; from here on the writing thread's */
        UnpackWriters *writers;     /* owned */
        UnpackStream stream;
        UnpackTar tar;
        UnpackProgress progress;
        int64_t progress_nsec; /* time of the last report */
        pthread_mutex_t warning_lock;
        unsigned n_warnings; /* under that lock */
} LayerRun;

static void run_done(LayerRun *run) {
        unpack_writers_free(run->writers);
        unpack_stream_done(&run->stream);
        unpack_tree_free(run->tree);
        inflate_free(run->inflate);
        unpack_ring_free(run->ring);
        (void) pthread_mutex_destroy(&run->warning_lock);
}

static int prefix_layer(Error *error, const InflateLayer *layer) {
        char name[DIGEST_STRING_MAX];

        if (error->code == 0)
                return -ECANCELED;
        /* Only the caller knows the name of a tarball. */
        if (!layer->has_digest)
                return -error->code;
        return error_prefix(error, "Layer %s", digest_format(&layer->digest, name));
}

static int inflate_layer(LayerRun *run, const InflateLayer *layer, Error *error) {
        UnpackRingChunk *chunk;
        ssize_t n;
        int r;

        do {
                r = unpack_ring_fill(run->ring, &chunk);
                if (r < 0)
                        return r;

                n = inflate_read(run->inflate, chunk->data, RING_CHUNK_BYTES, error);
                if (n < 0)
                        return prefix_layer(error, layer);

                /* Trailing data is skipped piece by piece, with empty chunks: that counts as progress. */
                r = (size_t) n < RING_CHUNK_BYTES ? inflate_pass_rest(run->inflate, error) : 1;
                if (r < 0)
                        return prefix_layer(error, layer);

                chunk->size = (size_t) n;
                chunk->last = r == 0;
                chunk->layer = *layer;
                chunk->has_end = inflate_has_end(run->inflate);
                chunk->has_rest = inflate_has_rest(run->inflate);
                chunk->consumed = inflate_consumed(run->inflate);
                unpack_ring_push(run->ring, chunk);
        } while (r > 0);

        return 0;
}

static void *inflate_thread(void *userdata) {
        LayerRun *run = userdata;
        Error error = ERROR_NULL;
        InflateLayer layer;
        int r;

        while ((r = inflate_next(run->inflate, &layer, &error)) > 0) {
                r = inflate_layer(run, &layer, &error);
                if (r < 0)
                        break;
        }

        if (r < 0 && error.code > 0)
                unpack_ring_fail(run->ring, &error);
        unpack_ring_close(run->ring);
        return NULL;
}

static int check_diff_id(Hash *hash, const InflateLayer *layer, Error *error) {
        char expected[DIGEST_STRING_MAX], got[DIGEST_STRING_MAX];
        Digest digest;

        hash_final(hash, &digest);
        if (digest_equal(&digest, &layer->diff_id))
                return 0;

        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "Its uncompressed content has the digest %s; the image expects %s",
                digest_format(&digest, got), digest_format(&layer->diff_id, expected));
}

/* From the chunk on up to the layer's last one. */
static int hash_layer(LayerRun *run, const UnpackRingChunk *chunk, Error *error) {
        _cleanup_(hash_freep) Hash *hash = NULL;
        const InflateLayer layer = chunk->layer;
        int r;

        if (layer.has_diff_id) {
                r = hash_new(layer.diff_id.algorithm, &hash, error);
                if (r < 0)
                        return r;
        }

        for (;;) {
                if (hash)
                        hash_update(hash, chunk->data, chunk->size);
                if (chunk->last)
                        break;

                r = unpack_ring_pull(run->ring, RING_HASHER, &chunk);
                if (r <= 0)
                        return -ECANCELED;
        }

        r = hash ? check_diff_id(hash, &layer, error) : 0;
        return r < 0 ? prefix_layer(error, &layer) : 0;
}

static void *hash_thread(void *userdata) {
        LayerRun *run = userdata;
        const UnpackRingChunk *chunk;
        Error error = ERROR_NULL;
        int r;

        while (unpack_ring_pull(run->ring, RING_HASHER, &chunk) > 0) {
                r = hash_layer(run, chunk, &error);
                if (r < 0)
                        break;
        }

        if (error.code > 0)
                unpack_ring_fail(run->ring, &error);
        return NULL;
}

static int64_t now_nsec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void on_chunk(void *userdata, const UnpackRingChunk *done) {
        LayerRun *run = userdata;
        const int64_t now = now_nsec();

        (void) unpack_writers_flush(run->writers);
        run->progress.consumed = done->consumed;
        run->progress.unpacked += done->size;
        run->progress.files = unpack_tree_n_made(run->tree);
        if (!run->events->progress || (!done->last && now - run->progress_nsec < PROGRESS_NSEC))
                return;

        run->progress_nsec = now;
        run->events->progress(run->events->userdata, &run->progress);
}

static void on_warning(void *userdata, const char *text) {
        LayerRun *run = userdata;

        (void) pthread_mutex_lock(&run->warning_lock);
        if (run->n_warnings++ < UNPACK_WARNINGS_MAX && run->events->warning)
                run->events->warning(run->events->userdata, text);
        (void) pthread_mutex_unlock(&run->warning_lock);
}

static void on_writer_failure(void *userdata, const InflateLayer *layer, Error *error) {
        LayerRun *run = userdata;

        (void) prefix_layer(error, layer);
        unpack_ring_fail(run->ring, error);
}

static int new_writers(LayerRun *run, UnpackTarget *target, Error *error) {
        const UnpackWritersOptions options = {
                .target = target,
                .ring = run->ring,
                .n_threads = unpack_writers_default_threads(),
                .on_failure = on_writer_failure,
                .userdata = run,
        };

        return unpack_writers_new(&options, &run->writers, error);
}

static int write_layers(LayerRun *run, Error *error) {
        int r;

        while ((r = unpack_stream_next(&run->stream)) > 0) {
                const InflateLayer layer = run->stream.chunk->layer;

                unpack_tree_begin_layer(run->tree);
                r = unpack_tar_layer(&run->tar, error);
                if (r < 0)
                        return prefix_layer(error, &layer);

                r = unpack_stream_drain(&run->stream);
                if (r < 0)
                        return r;
                if (run->stream.chunk->has_rest)
                        on_warning(run, "Data after the compressed stream is ignored");
                r = unpack_tree_end_layer(run->tree, error);
                if (r < 0)
                        return prefix_layer(error, &layer);
        }

        if (r >= 0)
                r = unpack_writers_drain(run->writers);
        return r < 0 ? r : unpack_tree_flush(run->tree, error);
}

static int run_threads(LayerRun *run, Error *error) {
        Error own = ERROR_NULL;
        pthread_t inflater, hasher;
        int r;

        r = thread_start(&inflater, inflate_thread, run);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot start a thread");

        r = thread_start(&hasher, hash_thread, run);
        if (r < 0) {
                (void) error_set_errno(&own, -r, "Cannot start a thread");
                unpack_ring_fail(run->ring, &own);
                (void) pthread_join(inflater, NULL);
                return unpack_ring_take_error(run->ring, error);
        }

        if (write_layers(run, &own) < 0) {
                if (own.code > 0)
                        unpack_ring_fail(run->ring, &own);
                /* It may be waiting for bytes from the network. */
                if (run->input->cancel)
                        run->input->cancel(run->input->userdata);
        }

        (void) pthread_join(inflater, NULL);
        (void) pthread_join(hasher, NULL);
        run->writers = unpack_writers_free(run->writers);
        return unpack_ring_take_error(run->ring, error);
}

int unpack_run(
        const InflateInput *input,
        UnpackTarget *target,
        const UnpackOptions *options,
        const UnpackEvents *events,
        Error *error) {
        static const UnpackOptions no_options = { .limits = LIMITS_DEFAULT };
        static const UnpackEvents no_events = { 0 };
        _cleanup_(run_done) LayerRun run = {
                .input = input,
                .events = events ? events : &no_events,
                .warning_lock = PTHREAD_MUTEX_INITIALIZER,
        };
        UnpackMetaRules rules;
        int r;

        if (!options)
                options = &no_options;
        rules = (UnpackMetaRules){
                .limits = &options->limits,
                .uids = options->uids,
                .gids = options->gids,
                /* In a user namespace the kernel refuses those for the root of the initial one. */
                .capability_uids = geteuid() != 0 ? options->uids : NULL,
        };

        r = unpack_ring_new(&run.ring, error);
        if (r < 0)
                return r;
        r = inflate_new(input, &options->limits, &run.inflate, error);
        if (r < 0)
                return r;
        r = unpack_tree_new(
                target, &options->limits, options->uids ? idmap_apply(options->uids, 0) : 0,
                options->gids ? idmap_apply(options->gids, 0) : 0, &run.tree, error);
        if (r < 0)
                return r;
        r = new_writers(&run, target, error);
        if (r < 0)
                return r;

        /* For this run, the existing lower layers count as one. */
        if (options->has_lower)
                unpack_tree_begin_layer(run.tree);

        run.stream = (UnpackStream){
                .ring = run.ring,
                .keep_limit = options->limits.header_bytes + HEADER_BLOCKS_BYTES,
                .on_chunk = on_chunk,
                .userdata = &run,
        };
        run.tar = (UnpackTar){
                .stream = &run.stream,
                .tree = run.tree,
                .writers = run.writers,
                .rules = &rules,
                .target = target,
        };
        target->warning = on_warning;
        target->warning_userdata = &run;
        r = run_threads(&run, error);
        if (r < 0 && run.events->progress)
                run.events->progress(run.events->userdata, &run.progress);
        if (r >= 0 && target->ops->sum_up) {
                /* These few are always reported. */
                run.n_warnings = 0;
                target->ops->sum_up(target);
        }
        target->warning = NULL;
        return r;
}
