/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All jobs of a daemon: queued ones, running ones (a few at a time), and recently ended ones, so that a late
 * query does not miss the end.
 */

#include <stdbool.h>

#include "job-run.h"

typedef struct JobQueue JobQueue;

#define QUEUE_ENDED_MAX 100U /* beyond this, the oldest are removed early */

/** job_queue_new() - an empty queue; @context and @listener are borrowed as long as the queue */
int job_queue_new(
        const JobContext *context, const JobListener *listener, JobQueue **ret, Error *error);

/** job_queue_free() - release @queue; kills what still runs */
JobQueue *job_queue_free(JobQueue *queue);

/** job_queue_check() - check that one more job fits; -ENOBUFS (ERROR_QUEUE_FULL) */
int job_queue_check(const JobQueue *queue, Error *error);

/**
 * job_queue_add() - queue a job
 * @spec:       taken over, even on failure
 * @destination: taken over, even on failure
 *
 * Return: 0 with the job (borrowed) in @ret; -ENOBUFS (ERROR_QUEUE_FULL); -EBUSY (ERROR_DESTINATION_BUSY).
 */
int job_queue_add(
        JobQueue *queue, JobSpec *spec, JobDestination *destination, Job **ret, Error *error);

/** job_queue_next() - the job after @job, oldest first; the first one when @job is NULL */
Job *job_queue_next(const JobQueue *queue, const Job *job);

/** job_queue_cancel() - end a job because of @error; has no effect on an ended one */
void job_queue_cancel(JobQueue *queue, Job *job, const Error *error);

/** job_queue_cancel_all() - end them all because of @error */
void job_queue_cancel_all(JobQueue *queue, const Error *error);

/** job_queue_n_active() - jobs that have not ended */
unsigned job_queue_n_active(const JobQueue *queue);

/** job_queue_is_empty() - whether there is no job, not even an ended one */
bool job_queue_is_empty(const JobQueue *queue);

/** job_queue_hold() and job_queue_release() - keep the daemon busy without a job, or no longer */
void job_queue_hold(JobQueue *queue);
void job_queue_release(JobQueue *queue);

/* Whether a job at @path must wait, even if a slot is free. */
typedef bool (*QueueGuard)(void *userdata, const char *path);

/** job_queue_guard() - ask @guard (may be NULL) before a job is started, and now for the queued ones; borrowed, as
 * is @userdata, until the next call */
void job_queue_guard(JobQueue *queue, QueueGuard guard, void *userdata);

DEFINE_CLEANUP(JobQueue, job_queue_free);
