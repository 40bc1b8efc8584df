/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a running job does:
 *
 *     prepare the destination ─▶ [clone what is there] ─▶ fetch ═╗
 *                                                        unpack ═╩▶ commit ─▶ [clean up] ─▶ the end
 *
 * Fetching and unpacking overlap. Only when every digest has been checked the tree becomes visible.
 * When something fails, or the job is cancelled, the workers are stopped, and what was made is removed
 * before the end is told. What touches the destination runs in threads (job-step.h): one that does not come back
 * is given up, when the job is to end or makes no progress, and the next daemon removes what was made.
 *
 * Which of several failures is told is in job-verdict.h.
 */

#include "job-destination.h"
#include "job-fetch.h"
#include "job.h"

typedef struct JobRun JobRun;

typedef struct JobRunEvents {
        /* The job has ended, and nothing of it is left but what hangs; the run may be freed here. */
        void (*ended)(void *userdata, JobRun *run);
} JobRunEvents;

/**
 * job_run_start() - start
 * @job:        queued; borrowed as long as the run, as are @events and @userdata
 * @destination: taken over
 *
 * A failure to start is a failure of the job: ended() is called for it too, from the event loop.
 * Return: 0, or -ENOMEM with @error set, and nothing has happened.
 */
int job_run_start(
        const JobContext *context,
        Job *job,
        JobDestination *destination,
        const JobRunEvents *events,
        void *userdata,
        JobRun **ret,
        Error *error);

/** job_run_free() - release @run (may be NULL) */
JobRun *job_run_free(JobRun *run);

/**
 * job_run_stop() - end it because of @error; ended() follows once everything is cleaned up
 *
 * A tree that has its name already stays: then the job ends as if nobody had stopped it, only sooner: a
 * step that cleans up, and hangs, is given up after JOB_STEP_PATIENCE_USEC.
 */
void job_run_stop(JobRun *run, const Error *error);

DEFINE_CLEANUP(JobRun, job_run_free);
