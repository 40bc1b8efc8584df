/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-clock.h"
#include "base-thread.h"
#include "registry-ranges.h"

typedef struct Ranges Ranges;

/* One thread's. */
typedef struct RangesPart {
        Ranges *ranges;     /* borrowed */
        pthread_t thread;   /* when the part is one of @ranges->n */
        RegistryHttp *http; /* owned */
        char *data;         /* owned; REGISTRY_RANGES_BYTES */
        uint64_t start;     /* offset in the blob */
        size_t size;        /* bytes that are wanted */
        size_t used;        /* bytes that have come */
        bool is_ready;      /* all of them: to be handed on */
} RangesPart;

struct Ranges {
        RegistryEndpoint *endpoint; /* borrowed, as the next two */
        RegistryAuth *auth;
        const RegistryBlobRequest *request;
        RegistryLoop *loop; /* owned */
        atomic_bool is_stopping;
        pthread_mutex_t lock; /* of what follows, and of the parts */
        pthread_cond_t changed;
        uint64_t next; /* where the next part begins */
        Error error;   /* why it is stopping */
        RangesPart parts[REGISTRY_RANGES_MAX];
        unsigned n; /* threads */
};

/* What is handed on. */
typedef struct RangesOutput {
        const RegistryBlobRequest *request; /* borrowed */
        uint64_t position;                  /* of the next byte */
} RangesOutput;

static int on_output(void *userdata, const void *data, size_t size, Error *error) {
        RangesOutput *output = userdata;

        output->position += size;
        return output->request->write(output->request->userdata, data, size, error);
}

static int on_data(void *userdata, const void *data, size_t size, Error *error) {
        RangesPart *part = userdata;

        if (part->ranges->is_stopping)
                return error_set(error, ECANCELED, ERROR_CANCELLED, "Another range failed");

        memcpy(part->data + part->used, data, size);
        part->used += size;
        return 0;
}

/* Returns whether there is one. */
static bool part_begin(RangesPart *part) {
        Ranges *ranges = part->ranges;
        uint64_t left;

        (void) pthread_mutex_lock(&ranges->lock);
        while (part->is_ready && !ranges->is_stopping)
                (void) pthread_cond_wait(&ranges->changed, &ranges->lock);

        left = ranges->is_stopping ? 0 : ranges->request->size - ranges->next;
        part->start = ranges->next;
        part->size = (size_t) (left < REGISTRY_RANGES_BYTES ? left : REGISTRY_RANGES_BYTES);
        part->used = 0;
        ranges->next += part->size;
        (void) pthread_mutex_unlock(&ranges->lock);
        return left > 0;
}

static void part_end(RangesPart *part, Error *error) {
        Ranges *ranges = part->ranges;

        (void) pthread_mutex_lock(&ranges->lock);
        part->is_ready = error->code == 0;
        if (!part->is_ready) {
                if (ranges->error.code == 0)
                        error_move(&ranges->error, error);
                ranges->is_stopping = true;
        }
        (void) pthread_cond_broadcast(&ranges->changed);
        (void) pthread_mutex_unlock(&ranges->lock);
}

static void *run(void *userdata) {
        RangesPart *part = userdata;
        const Ranges *ranges = part->ranges;

        while (part_begin(part)) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                const RegistryBlobRequest request = {
                        .digest = ranges->request->digest,
                        .offset = part->start,
                        .end = part->start + part->size,
                        .size = ranges->request->size,
                        .write = on_data,
                        .userdata = part,
                };

                (void) registry_blob_get(
                        ranges->endpoint, ranges->auth, part->http, &request, &error);
                part_end(part, &error);
        }

        return NULL;
}

static RangesPart *find_ready_locked(Ranges *ranges, uint64_t start) {
        for (unsigned i = 0; i < ranges->n; i++)
                if (ranges->parts[i].is_ready && ranges->parts[i].start == start)
                        return &ranges->parts[i];

        return NULL;
}

/* Waits for the part that begins at @start; NULL when it will not come. */
static RangesPart *wait_for(Ranges *ranges, uint64_t start) {
        RangesPart *part;

        (void) pthread_mutex_lock(&ranges->lock);
        while (!(part = find_ready_locked(ranges, start)) && !ranges->is_stopping)
                (void) pthread_cond_wait(&ranges->changed, &ranges->lock);
        (void) pthread_mutex_unlock(&ranges->lock);
        return part;
}

static void release(Ranges *ranges, RangesPart *part) {
        (void) pthread_mutex_lock(&ranges->lock);
        part->is_ready = false;
        (void) pthread_cond_broadcast(&ranges->changed);
        (void) pthread_mutex_unlock(&ranges->lock);
}

static int hand_on(Ranges *ranges, RangesOutput *output, Error *error) {
        while (output->position < ranges->request->size) {
                RangesPart *part = wait_for(ranges, output->position);
                int r;

                if (!part)
                        return error_copy(error, &ranges->error);
                r = on_output(output, part->data, part->size, error);
                if (r < 0)
                        return r;
                release(ranges, part);
        }

        return 0;
}

static int start_parts(Ranges *ranges, const RegistryHttpSettings *settings, Error *error) {
        RegistryHttpSettings own = *settings;
        int r;

        r = registry_loop_new(&ranges->loop, error);
        if (r < 0)
                return r;

        registry_loop_keep_apart(ranges->loop);
        own.loop = ranges->loop;
        for (; ranges->n < REGISTRY_RANGES_MAX; ranges->n++) {
                RangesPart *part = &ranges->parts[ranges->n];

                part->ranges = ranges;
                part->data = malloc(REGISTRY_RANGES_BYTES);
                if (!part->data)
                        return error_oom(error);
                r = registry_http_new(&own, &part->http, error);
                if (r < 0)
                        return r;
                r = thread_start(&part->thread, run, part);
                if (r < 0)
                        return error_set_errno(error, -r, "Cannot start a thread");
        }

        return 0;
}

static void stop_parts(Ranges *ranges) {
        (void) pthread_mutex_lock(&ranges->lock);
        ranges->is_stopping = true;
        (void) pthread_cond_broadcast(&ranges->changed);
        (void) pthread_mutex_unlock(&ranges->lock);
        for (unsigned i = 0; i < ranges->n; i++)
                (void) pthread_join(ranges->parts[i].thread, NULL);

        for (unsigned i = 0; i < REGISTRY_RANGES_MAX; i++) {
                registry_http_free(ranges->parts[i].http);
                free(ranges->parts[i].data);
        }
        registry_loop_free(ranges->loop);
        error_clear(&ranges->error);
        (void) pthread_cond_destroy(&ranges->changed);
        (void) pthread_mutex_destroy(&ranges->lock);
}

bool registry_ranges_may_help(const RegistryBlobRequest *request) {
        return !request->url && request->size != REGISTRY_SIZE_UNKNOWN &&
               request->size > request->offset &&
               request->size - request->offset > REGISTRY_BLOB_LARGE_BYTES;
}

int registry_ranges_get(
        RegistryEndpoint *endpoint,
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryHttpSettings *settings,
        const RegistryBlobRequest *request,
        Error *error) {
        _cleanup_(error_clear) Error failed = ERROR_NULL;
        RangesOutput output = { .request = request, .position = request->offset };
        RegistryBlobRequest one = *request;
        const uint64_t started_usec = clock_usec(CLOCK_MONOTONIC);
        int r;

        one.end = request->offset + REGISTRY_RANGES_BYTES;
        one.write = on_output;
        one.userdata = &output;
        r = registry_blob_get(endpoint, auth, http, &one, &failed);
        if (r >= 0 && (clock_usec(CLOCK_MONOTONIC) - started_usec) * REGISTRY_RANGES_SLOW_BYTES >
                              REGISTRY_RANGES_BYTES * REGISTRY_USEC_PER_SEC) {
                Ranges ranges = {
                        .endpoint = endpoint,
                        .auth = auth,
                        .request = request,
                        .next = output.position,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER,
                };

                r = start_parts(&ranges, settings, &failed);
                if (r >= 0)
                        r = hand_on(&ranges, &output, &failed);
                stop_parts(&ranges);
        }
        if (r < 0 && r != -ENOTSUP)
                return error_copy(error, &failed);

        /* Ranges do not work there, or are not needed. */
        one.end = 0;
        one.offset = output.position;
        return registry_blob_get(endpoint, auth, http, &one, error);
}
