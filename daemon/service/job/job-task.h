/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Operations that may take forever: they access paths of others, whose file system may be a FUSE program or a
 * server that does not answer. Each such operation, a task, runs in its own thread, and the event loop receives its
 * end.
 *
 *     job_task_start() ─▶ ended() ─▶ job_task_free()         the data goes to the task, and is returned at its end
 *          └────────▶ job_task_free() ─▶ release()       abandoned: the task keeps its data, and releases it itself
 *
 * ended() is called exactly once, from the event loop, or never if the task is abandoned. A thread that hangs
 * occupies only itself and the task's data: nobody waits for it, not even at exit. While one exists, what tasks
 * borrow must not be freed: the process then exits with _exit(2).
 *
 * Tasks start no processes: a worker ends with the thread that started it (PR_SET_PDEATHSIG).
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct JobTaskPool JobTaskPool;
typedef struct JobTask JobTask;

/* Threads at a time; further tasks wait, in order. */
#define JOB_TASKS_MAX 64U

/* At this number, nothing new begins: the rest is for the steps of running jobs. */
#define JOB_TASKS_CROWDED (JOB_TASKS_MAX / 2)

typedef struct JobTaskOperation {
        /* Runs in the thread, which alone uses @data. Returns 0 or more on success. */
        int (*work)(JobTask *task, void *data, Error *error);

        /* The task was abandoned, and work() has returned or was never called: frees @data. It may block, too: it
         * is called in the thread, unless the work had ended just before. */
        void (*release)(void *data);

        /* @data is the owner's again; @r is what work() returned. The task must be freed, here or later. */
        void (*ended)(void *userdata, void *data, int r, Error *error);

        /* At most one thread at a time should run such operations: see job_task_pool_runs_single(). */
        bool is_single;
} JobTaskOperation;

/**
 * job_task_pool_new() - no tasks yet
 * @event:      borrowed as long as the pool
 */
int job_task_pool_new(sd_event *event, JobTaskPool **ret, Error *error);

/** job_task_pool_free() - release @pool; all of its tasks were freed before */
JobTaskPool *job_task_pool_free(JobTaskPool *pool);

/** job_task_pool_n_threads() - running threads, abandoned or not */
unsigned job_task_pool_n_threads(const JobTaskPool *pool);

/** job_task_pool_check() - check that something new may begin; -ENOBUFS (ERROR_QUEUE_FULL) if
 * JOB_TASKS_CROWDED threads run */
int job_task_pool_check(const JobTaskPool *pool, Error *error);

/** job_task_pool_runs_single() - whether a thread runs an operation that is single, abandoned or not */
bool job_task_pool_runs_single(const JobTaskPool *pool);

/**
 * job_task_start() - run @operation's work, or queue it until a thread is free
 * @operation:  borrowed, as is @userdata, until the task is freed
 * @data:       taken over
 *
 * If no thread can be started, ended() reports that. Return: 0, or -ENOMEM; then @data stays the caller's.
 */
int job_task_start(
        JobTaskPool *pool,
        const JobTaskOperation *operation,
        void *data,
        void *userdata,
        JobTask **ret,
        Error *error);

/** job_task_free() - release @task; abandons it unless it has ended */
JobTask *job_task_free(JobTask *task);

/** job_task_is_given_up() - for work(): whether it was abandoned */
bool job_task_is_given_up(JobTask *task);

DEFINE_CLEANUP(JobTaskPool, job_task_pool_free);
DEFINE_CLEANUP(JobTask, job_task_free);
