/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "job-queue.h"

/* A job's place in the queue. */
typedef struct Entry {
        struct Entry *next;          /* owned */
        JobQueue *queue;             /* borrowed */
        Job *job;                    /* owned */
        JobDestination *destination; /* owned; NULL once a run has it */
        JobPlace *place;             /* owned; its place, to detect collisions */
        JobRun *run;                 /* owned; NULL before and after */
        sd_event_source *removal;    /* owned; armed after the job has ended */
} Entry;

struct JobQueue {
        const JobContext *context;   /* borrowed */
        const JobListener *listener; /* borrowed */
        Entry *entries;              /* owned; oldest first */
        sd_event_source *next;       /* owned; starts queued jobs, from the event loop */
        unsigned n_held;
        QueueGuard guard; /* borrowed, as is @guard_userdata; or NULL */
        void *guard_userdata;
};

static Entry *entry_free(Entry *entry) {
        if (!entry)
                return NULL;

        sd_event_source_disable_unref(entry->removal);
        job_run_free(entry->run);
        job_destination_free(entry->destination);
        job_free(entry->job);
        job_place_free(entry->place);
        free(entry);
        return NULL;
}
DEFINE_CLEANUP(Entry, entry_free);

static unsigned count(const JobQueue *queue, bool (*has)(const Entry *entry)) {
        unsigned n = 0;

        for (const Entry *entry = queue->entries; entry; entry = entry->next)
                n += has(entry);
        return n;
}

static bool entry_waits(const Entry *entry) {
        return job_state(entry->job) == JOB_QUEUED;
}

static bool entry_may_start(const Entry *entry) {
        const JobQueue *queue = entry->queue;

        return entry_waits(entry) &&
               !(queue->guard &&
                 queue->guard(queue->guard_userdata, job_destination_path(entry->destination)));
}

static bool entry_runs(const Entry *entry) {
        return job_state(entry->job) == JOB_RUNNING;
}

static bool entry_has_ended(const Entry *entry) {
        return job_has_ended(entry->job);
}

static void remove_entry(Entry *entry) {
        JobQueue *queue = entry->queue;
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

/* A job has ended: it is retained a while, and queued ones may start. */
static void retain(Entry *entry) {
        JobQueue *queue = entry->queue;

        (void) sd_event_add_time_relative(
                queue->context->event, &entry->removal, CLOCK_MONOTONIC,
                queue->context->config->retention_usec, 0, on_removal, entry);
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
                    entry->queue->context, entry->job, entry->destination, &run_events, entry,
                    &entry->run, &error) >= 0) {
                entry->destination = NULL;
                return;
        }

        job_set_state(entry->job, JOB_FAILED, &error);
        retain(entry);
}

static void drop_oldest_ended(JobQueue *queue) {
        for (Entry *entry = queue->entries; entry; entry = entry->next)
                if (entry_has_ended(entry) && !entry->run) {
                        remove_entry(entry);
                        return;
                }
}

static int on_next(sd_event_source *source, void *userdata) {
        JobQueue *queue = userdata;
        unsigned running = count(queue, entry_runs);

        for (Entry *entry = queue->entries; entry && running < queue->context->config->jobs_max;
             entry = entry->next)
                if (entry_may_start(entry)) {
                        start(entry);
                        running++;
                }

        for (unsigned n = count(queue, entry_has_ended); n > QUEUE_ENDED_MAX; n--)
                drop_oldest_ended(queue);
        return 0;
}

int job_queue_new(
        const JobContext *context, const JobListener *listener, JobQueue **ret, Error *error) {
        _cleanup_(job_queue_freep) JobQueue *queue = NULL;
        int r;

        queue = malloc(sizeof(*queue));
        if (!queue)
                return error_oom(error);

        *queue = (JobQueue){ .context = context, .listener = listener };
        r = sd_event_add_defer(context->event, &queue->next, on_next, queue);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot set up the queue");

        *ret = TAKE_PTR(queue);
        return 0;
}

JobQueue *job_queue_free(JobQueue *queue) {
        if (!queue)
                return NULL;

        while (queue->entries) {
                Entry *entry = queue->entries;

                queue->entries = entry->next;
                entry_free(entry);
        }
        sd_event_source_disable_unref(queue->next);
        free(queue);
        return NULL;
}

/* Whether a job works there, or in a directory above or below it. */
static bool is_taken(const JobQueue *queue, const JobPlace *place) {
        for (const Entry *entry = queue->entries; entry; entry = entry->next)
                if (!entry_has_ended(entry) && job_place_overlaps(entry->place, place))
                        return true;

        return false;
}

static int new_entry(JobQueue *queue, JobDestination *destination, Entry **ret, Error *error) {
        _cleanup_(job_destination_freep) JobDestination *owned = destination;
        _cleanup_(entry_freep) Entry *entry = malloc(sizeof(*entry));

        if (!entry)
                return error_oom(error);

        *entry = (Entry){ .queue = queue, .destination = TAKE_PTR(owned) };
        entry->place = job_destination_take_place(entry->destination);
        if (is_taken(queue, entry->place))
                return error_set(
                        error, EBUSY, ERROR_DESTINATION_BUSY,
                        "Another job works on the destination %s, above it or below it",
                        job_destination_path(entry->destination));

        *ret = TAKE_PTR(entry);
        return 0;
}

int job_queue_check(const JobQueue *queue, Error *error) {
        if (count(queue, entry_waits) >= queue->context->config->queued_max)
                return error_set(
                        error, ENOBUFS, ERROR_QUEUE_FULL,
                        "%" PRIu64
                        " jobs are already waiting" LIMIT_KEY("MaxQueued") "; try again later",
                        queue->context->config->queued_max);
        return 0;
}

int job_queue_add(
        JobQueue *queue, JobSpec *spec, JobDestination *destination, Job **ret, Error *error) {
        _cleanup_(job_destination_freep) JobDestination *owned_destination = destination;
        _cleanup_(job_spec_freep) JobSpec *owned = spec;
        _cleanup_(entry_freep) Entry *entry = NULL;
        Entry **end;
        int r;

        r = job_queue_check(queue, error);
        if (r >= 0)
                r = new_entry(queue, TAKE_PTR(owned_destination), &entry, error);
        if (r < 0)
                return r;
        r =
                job_new(queue->context->event, queue->listener, queue->context->log, spec,
                        &entry->job, error);
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

static Entry *find_entry(const JobQueue *queue, const Job *job) {
        for (Entry *entry = queue->entries; entry; entry = entry->next)
                if (entry->job == job)
                        return entry;

        return NULL;
}

Job *job_queue_next(const JobQueue *queue, const Job *job) {
        Entry *entry = queue->entries;

        if (job) {
                entry = find_entry(queue, job);
                entry = entry ? entry->next : NULL;
        }

        return entry ? entry->job : NULL;
}

void job_queue_cancel(JobQueue *queue, Job *job, const Error *error) {
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

void job_queue_cancel_all(JobQueue *queue, const Error *error) {
        for (Entry *entry = queue->entries; entry; entry = entry->next)
                job_queue_cancel(queue, entry->job, error);
}

unsigned job_queue_n_active(const JobQueue *queue) {
        return count(queue, entry_waits) + count(queue, entry_runs);
}

bool job_queue_is_empty(const JobQueue *queue) {
        return !queue->entries && queue->n_held == 0;
}

void job_queue_hold(JobQueue *queue) {
        queue->n_held++;
}

void job_queue_release(JobQueue *queue) {
        assert(queue->n_held > 0);
        queue->n_held--;
}

void job_queue_guard(JobQueue *queue, QueueGuard guard, void *userdata) {
        queue->guard = guard;
        queue->guard_userdata = userdata;
        (void) sd_event_source_set_enabled(queue->next, SD_EVENT_ONESHOT);
}
