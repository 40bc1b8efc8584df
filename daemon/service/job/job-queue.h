/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All jobs of a daemon: those that wait, those that run (a few at a time), and those that ended a short
 * while ago, so that nobody who asks late misses the end.
 */

#include "job-run.h"

typedef struct Queue Queue;

typedef struct QueueSettings {
        const Config *config; /* borrowed, as long as the queue, as all that follow */
        const char *worker_path;
        const char *temporary_directory;
} QueueSettings;

#define QUEUE_ENDED_MAX 100U /* the oldest of more than these go early */

/**
 * queue_new() - an empty queue
 * @event:      borrowed, as are @store, @log and @listener, as long as the queue
 */
int queue_new(
        sd_event *event,
        Store *store,
        const QueueSettings *settings,
        const JobListener *listener,
        const Log *log,
        Queue **ret,
        Error *error);

/** queue_free() - release @queue (may be NULL); what still runs is killed */
Queue *queue_free(Queue *queue);

/** queue_check() - whether there is room for one more job; -ENOBUFS (ERROR_QUEUE_FULL) with @error set */
int queue_check(const Queue *queue, Error *error);

/**
 * queue_add() - queue a job
 * @spec:       taken over, also on failure
 * @destination: where it goes; taken over, also on failure
 *
 * Return: 0 with the job (borrowed) in @ret; -ENOBUFS (ERROR_QUEUE_FULL), -EBUSY
 * (ERROR_DESTINATION_BUSY), or another negative errno; with @error set.
 */
int queue_add(Queue *queue, JobSpec *spec, Destination *destination, Job **ret, Error *error);

/** queue_find() - the job with that id, or NULL */
Job *queue_find(const Queue *queue, const char *id);

/** queue_next() - the job after @job, oldest first; the first one when @job is NULL */
Job *queue_next(const Queue *queue, const Job *job);

/** queue_cancel() - end a job because of @error; nothing happens to one that has ended */
void queue_cancel(Queue *queue, Job *job, const Error *error);

/** queue_cancel_all() - end them all because of @error */
void queue_cancel_all(Queue *queue, const Error *error);

/** queue_n_active() - jobs that have not ended */
unsigned queue_n_active(const Queue *queue);

/** queue_is_empty() - whether there is no job, also none that has ended */
bool queue_is_empty(const Queue *queue);

/** queue_context() - what runs of other kinds share with the queue's jobs; borrowed */
const FetchContext *queue_context(const Queue *queue);

/** queue_hold() and queue_release() - something else than a job keeps the daemon busy, or no longer */
void queue_hold(Queue *queue);
void queue_release(Queue *queue);

/** queue_pause() and queue_resume() - jobs wait, whatever else there is room for, or no longer */
void queue_pause(Queue *queue);
void queue_resume(Queue *queue);

DEFINE_CLEANUP(Queue, queue_free);
