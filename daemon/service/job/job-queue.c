/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "job-queue.h"

/* A job's place in the queue. */
typedef struct Entry {
        struct Entry *next;       /* owned */
        Queue *queue;             /* borrowed */
        Job *job;                 /* owned */
        Destination *destination; /* owned; NULL once a run has it */
        Place *place;             /* owned; where it works, to tell those that would collide */
        JobRun *run;              /* owned; NULL before and after */
        sd_event_source *removal; /* owned; armed when the job has ended */
} Entry;

struct Queue {
        sd_event *event; /* borrowed */
        QueueSettings settings;
        const JobListener *listener; /* borrowed */
        const Log *log;              /* borrowed */
        ProcessContext process;
        FetchContext context;
        BlobTable *blobs;      /* owned */
        UserTable *users;      /* owned */
        TaskPool *tasks;       /* owned */
        Entry *entries;        /* owned; oldest first */
        sd_event_source *next; /* owned; starts what waits, from the event loop */
        unsigned n_held;
        bool is_paused;
};

static Entry *entry_free(Entry *entry) {
        if (!entry)
                return NULL;

        sd_event_source_disable_unref(entry->removal);
        job_run_free(entry->run);
        destination_free(entry->destination);
        job_free(entry->job);
        place_free(entry->place);
        free(entry);
        return NULL;
}
DEFINE_CLEANUP(Entry, entry_free);

static unsigned count(const Queue *queue, bool (*has)(const Entry *entry)) {
        unsigned n = 0;

        for (const Entry *entry = queue->entries; entry; entry = entry->next)
                n += has(entry);
        return n;
}

static bool entry_waits(const Entry *entry) {
        return job_state(entry->job) == JOB_QUEUED;
}

static bool entry_runs(const Entry *entry) {
        return job_state(entry->job) == JOB_RUNNING;
}

static bool entry_has_ended(const Entry *entry) {
        return job_has_ended(entry->job);
}

static void remove_entry(Entry *entry) {
        Queue *queue = entry->queue;
        Entry **p = &queue->entries;

        while (*p != entry)
                p = &(*p)->next;
        *p = entry->next;

        queue->listener->removed(queue->listener->userdata, entry->job);
        entry_free(entry);
}

static int on_removal(sd_event_source *source, uint64_t usec, void *userdata) {
        remove_entry(userdata);
        return 0;
}

/* A job has ended: it stays a while, and what waits may start. */
static void retain(Entry *entry) {
        Queue *queue = entry->queue;

        (void) sd_event_add_time_relative(
                queue->event, &entry->removal, CLOCK_MONOTONIC,
                queue->settings.config->retention_usec, 0, on_removal, entry);
        (void) sd_event_source_set_enabled(queue->next, SD_EVENT_ONESHOT);
}

static void on_run_ended(void *userdata, JobRun *run) {
        Entry *entry = userdata;

        entry->run = job_run_free(entry->run);
        retain(entry);
}

static const JobRunEvents run_events = { .ended = on_run_ended };

static void start(Entry *entry) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_run_start(
                    &entry->queue->context, entry->job, entry->destination, &run_events, entry,
                    &entry->run, &error) >= 0) {
                entry->destination = NULL;
                return;
        }

        job_set_state(entry->job, JOB_FAILED, &error);
        retain(entry);
}

static void drop_oldest_ended(Queue *queue) {
        for (Entry *entry = queue->entries; entry; entry = entry->next)
                if (entry_has_ended(entry) && !entry->run) {
                        remove_entry(entry);
                        return;
                }
}

static int on_next(sd_event_source *source, void *userdata) {
        Queue *queue = userdata;
        unsigned running = count(queue, entry_runs);

        for (Entry *entry = queue->entries;
             entry && running < queue->settings.config->jobs_max && !queue->is_paused;
             entry = entry->next)
                if (entry_waits(entry)) {
                        start(entry);
                        running++;
                }

        for (unsigned n = count(queue, entry_has_ended); n > QUEUE_ENDED_MAX; n--)
                drop_oldest_ended(queue);
        return 0;
}

int queue_new(
        sd_event *event,
        Store *store,
        const QueueSettings *settings,
        const JobListener *listener,
        const Log *log,
        Queue **ret,
        Error *error) {
        _cleanup_(queue_freep) Queue *queue = NULL;
        int r;

        queue = malloc(sizeof(*queue));
        if (!queue)
                return error_oom(error);

        *queue = (Queue){
                .event = event,
                .settings = *settings,
                .listener = listener,
                .log = log,
                .process = {
                        .event = event,
                        .worker_path = settings->worker_path,
                        .config = settings->config,
                        .log = log,
                },
        };
        r = user_table_new(
                &(UserSettings){
                        .config = settings->config,
                        .lock_directory = USER_LOCK_DIRECTORY,
                        .worker = USER_WORKER,
                        .builder = USER_BUILDER,
                },
                &queue->users, error);
        if (r < 0)
                return r;

        queue->process.users = queue->users;
        r = blob_table_new(&queue->process, store, &queue->blobs, error);
        if (r >= 0)
                r = task_pool_new(event, &queue->tasks, error);
        if (r < 0)
                return r;

        queue->context = (FetchContext){
                .process = &queue->process,
                .blobs = queue->blobs,
                .tasks = queue->tasks,
                .store = store,
                .temporary_directory = settings->temporary_directory,
        };
        r = sd_event_add_defer(event, &queue->next, on_next, queue);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot set up the queue");

        *ret = TAKE_PTR(queue);
        return 0;
}

Queue *queue_free(Queue *queue) {
        if (!queue)
                return NULL;

        while (queue->entries) {
                Entry *entry = queue->entries;

                queue->entries = entry->next;
                entry_free(entry);
        }
        sd_event_source_disable_unref(queue->next);
        blob_table_free(queue->blobs);
        user_table_free(queue->users);
        task_pool_free(queue->tasks);
        free(queue);
        return NULL;
}

/* Whether a job works there, or in a directory above or below it. */
static bool is_taken(const Queue *queue, const Place *place) {
        for (const Entry *entry = queue->entries; entry; entry = entry->next)
                if (!entry_has_ended(entry) && place_overlaps(entry->place, place))
                        return true;

        return false;
}

static int new_entry(Queue *queue, Destination *destination, Entry **ret, Error *error) {
        _cleanup_(destination_freep) Destination *owned = destination;
        _cleanup_(entry_freep) Entry *entry = malloc(sizeof(*entry));

        if (!entry)
                return error_oom(error);

        *entry = (Entry){ .queue = queue, .destination = TAKE_PTR(owned) };
        entry->place = destination_take_place(entry->destination);
        if (is_taken(queue, entry->place))
                return error_set(
                        error, EBUSY, ERROR_DESTINATION_BUSY,
                        "Another job works on the destination %s, above it or below it",
                        destination_path(entry->destination));

        *ret = TAKE_PTR(entry);
        return 0;
}

int queue_check(const Queue *queue, Error *error) {
        if (count(queue, entry_waits) >= queue->settings.config->queued_max)
                return error_set(
                        error, ENOBUFS, ERROR_QUEUE_FULL,
                        "There are %" PRIu64 " jobs waiting already: try again later",
                        queue->settings.config->queued_max);
        return 0;
}

int queue_add(Queue *queue, JobSpec *spec, Destination *destination, Job **ret, Error *error) {
        _cleanup_(destination_freep) Destination *owned_destination = destination;
        _cleanup_(job_spec_freep) JobSpec *owned = spec;
        _cleanup_(entry_freep) Entry *entry = NULL;
        Entry **end;
        int r;

        r = queue_check(queue, error);
        if (r >= 0)
                r = new_entry(queue, TAKE_PTR(owned_destination), &entry, error);
        if (r < 0)
                return r;
        r = job_new(queue->event, queue->listener, queue->log, spec, &entry->job, error);
        if (r < 0)
                return r;
        owned = NULL;

        end = &queue->entries;
        while (*end)
                end = &(*end)->next;
        *end = entry;
        *ret = entry->job;

        queue->listener->added(queue->listener->userdata, entry->job);
        TAKE_PTR(entry);
        (void) sd_event_source_set_enabled(queue->next, SD_EVENT_ONESHOT);
        return 0;
}

static Entry *find_entry(const Queue *queue, const Job *job) {
        for (Entry *entry = queue->entries; entry; entry = entry->next)
                if (entry->job == job)
                        return entry;

        return NULL;
}

Job *queue_find(const Queue *queue, const char *id) {
        for (Entry *entry = queue->entries; entry; entry = entry->next)
                if (strcmp(job_id(entry->job), id) == 0)
                        return entry->job;

        return NULL;
}

Job *queue_next(const Queue *queue, const Job *job) {
        Entry *entry = queue->entries;

        if (job) {
                entry = find_entry(queue, job);
                entry = entry ? entry->next : NULL;
        }

        return entry ? entry->job : NULL;
}

void queue_cancel(Queue *queue, Job *job, const Error *error) {
        Entry *entry = find_entry(queue, job);

        if (!entry || job_has_ended(job))
                return;

        if (entry->run) {
                job_run_stop(entry->run, error);
                return;
        }

        job_set_state(job, error->kind == ERROR_CANCELLED ? JOB_CANCELLED : JOB_FAILED, error);
        retain(entry);
}

void queue_cancel_all(Queue *queue, const Error *error) {
        for (Entry *entry = queue->entries; entry; entry = entry->next)
                queue_cancel(queue, entry->job, error);
}

unsigned queue_n_active(const Queue *queue) {
        return count(queue, entry_waits) + count(queue, entry_runs);
}

bool queue_is_empty(const Queue *queue) {
        return !queue->entries && queue->n_held == 0;
}

const FetchContext *queue_context(const Queue *queue) {
        return &queue->context;
}

void queue_hold(Queue *queue) {
        queue->n_held++;
}

void queue_release(Queue *queue) {
        assert(queue->n_held > 0);
        queue->n_held--;
}

void queue_pause(Queue *queue) {
        queue->is_paused = true;
}

void queue_resume(Queue *queue) {
        queue->is_paused = false;
        (void) sd_event_source_set_enabled(queue->next, SD_EVENT_ONESHOT);
}
