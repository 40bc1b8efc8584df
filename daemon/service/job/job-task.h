/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What may take for ever: looking at paths of others, whose file system may be a FUSE program that does not
 * answer, or a server that is gone. Each such function, a task, runs in a thread of its own, and its end comes
 * to the event loop.
 *
 *     job_task_start() ─▶ ended() ─▶ job_task_free()         the data goes to the task, and comes back with its end
 *          └────────▶ job_task_free() ─▶ release()       given up: the task keeps its data, and releases it itself
 *
 * ended() is called exactly once, from the event loop, or never when the task is given up. A thread that hangs
 * keeps nothing but itself and the task's data: nobody waits for it, also not at the end. As long as one is
 * there, what tasks borrow may not go: who ends then, ends with _exit(2).
 *
 * Tasks start no processes: a worker ends with the thread that has started it (PR_SET_PDEATHSIG).
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct JobTaskPool JobTaskPool;
typedef struct JobTask JobTask;

/* Threads at a time; what is more waits, in order. */
#define JOB_TASKS_MAX 64U

/* From so many on nothing new begins: the rest is for the steps of jobs that run already. */
#define JOB_TASKS_CROWDED (JOB_TASKS_MAX / 2)

typedef struct JobTaskOperation {
        /* In the thread. @data is the thread's alone. Returns 0 or more, or a negative errno with @error set. */
        int (*work)(JobTask *task, void *data, Error *error);

        /* The task was given up, and work() has returned or was never called: frees @data. It may block, too: it
         * is called in the thread, unless the work had ended just before. */
        void (*release)(void *data);

        /* @data is the owner's again; @r is what work() returned. The task has to be freed, here or later. */
        void (*ended)(void *userdata, void *data, int r, Error *error);
} JobTaskOperation;

/**
 * job_task_pool_new() - no tasks yet
 * @event:      borrowed as long as the pool
 */
int job_task_pool_new(sd_event *event, JobTaskPool **ret, Error *error);

/** job_task_pool_free() - release @pool (may be NULL); all of its tasks were freed before */
JobTaskPool *job_task_pool_free(JobTaskPool *pool);

/** job_task_pool_n_threads() - those that run, given up or not */
unsigned job_task_pool_n_threads(const JobTaskPool *pool);

/** job_task_pool_check() - whether something that nobody has been promised yet may begin; -ENOBUFS
 * (ERROR_QUEUE_FULL) with @error set when JOB_TASKS_CROWDED threads run */
int job_task_pool_check(const JobTaskPool *pool, Error *error);

/**
 * job_task_start() - run @operation's work, or have it wait until there is room
 * @operation:  borrowed, as is @userdata, until the task is freed
 * @data:       taken over
 *
 * When there cannot be a thread, ended() tells so. Return: 0; or -ENOMEM with @error set, and @data stays the
 * caller's.
 */
int job_task_start(
        JobTaskPool *pool,
        const JobTaskOperation *operation,
        void *data,
        void *userdata,
        JobTask **ret,
        Error *error);

/** job_task_free() - release @task (may be NULL); one that has not ended is given up */
JobTask *job_task_free(JobTask *task);

/** job_task_is_given_up() - for work(): whether nobody waits for it any more */
bool job_task_is_given_up(JobTask *task);

DEFINE_CLEANUP(JobTaskPool, job_task_pool_free);
DEFINE_CLEANUP(JobTask, job_task_free);
