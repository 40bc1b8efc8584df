/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All jobs of a daemon: those that wait, those that run (a few at a time), and those that ended a short
 * while ago, so that nobody who asks late misses the end.
 */

#include <stdbool.h>

#include "job-run.h"

typedef struct JobQueue JobQueue;

#define QUEUE_ENDED_MAX 100U /* the oldest of more than these go early */

/** job_queue_new() - an empty queue; @context and @listener are borrowed as long as it */
int job_queue_new(
        const JobContext *context, const JobListener *listener, JobQueue **ret, Error *error);

/** job_queue_free() - release @queue (may be NULL); what still runs is killed */
JobQueue *job_queue_free(JobQueue *queue);

/** job_queue_check() - whether there is room for one more job; -ENOBUFS (ERROR_QUEUE_FULL) with @error set */
int job_queue_check(const JobQueue *queue, Error *error);

/**
 * job_queue_add() - queue a job
 * @spec:       taken over, also on failure
 * @destination: where it goes; taken over, also on failure
 *
 * Return: 0 with the job (borrowed) in @ret; -ENOBUFS (ERROR_QUEUE_FULL), -EBUSY
 * (ERROR_DESTINATION_BUSY), or another negative errno; with @error set.
 */
int job_queue_add(
        JobQueue *queue, JobSpec *spec, JobDestination *destination, Job **ret, Error *error);

/** job_queue_find() - the job with that id, or NULL */
Job *job_queue_find(const JobQueue *queue, const char *id);

/** job_queue_next() - the job after @job, oldest first; the first one when @job is NULL */
Job *job_queue_next(const JobQueue *queue, const Job *job);

/** job_queue_cancel() - end a job because of @error; nothing happens to one that has ended */
void job_queue_cancel(JobQueue *queue, Job *job, const Error *error);

/** job_queue_cancel_all() - end them all because of @error */
void job_queue_cancel_all(JobQueue *queue, const Error *error);

/** job_queue_n_active() - jobs that have not ended */
unsigned job_queue_n_active(const JobQueue *queue);

/** job_queue_is_empty() - whether there is no job, also none that has ended */
bool job_queue_is_empty(const JobQueue *queue);

/** job_queue_hold() and job_queue_release() - something else than a job keeps the daemon busy, or no longer */
void job_queue_hold(JobQueue *queue);
void job_queue_release(JobQueue *queue);

/* Whether a job that is to work at @path has to wait, whatever else there is room for. */
typedef bool (*QueueGuard)(void *userdata, const char *path);

/** job_queue_guard() - ask @guard, which may be NULL, before a job is started, and now for those that wait; borrowed, as
 * is @userdata, until the next call */
void job_queue_guard(JobQueue *queue, QueueGuard guard, void *userdata);

DEFINE_CLEANUP(JobQueue, job_queue_free);
