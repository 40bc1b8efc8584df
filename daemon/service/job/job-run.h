/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a running job does:
 *
 *     prepare the destination ─▶ [clone what is there] ─▶ fetch ═╗
 *                                                        unpack ═╩▶ commit ─▶ [clean up] ─▶ the end
 *
 * Fetching and unpacking overlap. The tree becomes visible only after every digest was verified. After a failure
 * or a cancellation, the workers are stopped, and what was created is removed before the end is reported. Access
 * to the destination runs in threads (job-step.h): a thread that hangs is abandoned if the job should end or makes
 * no progress, and the next daemon removes what was created.
 *
 * job-verdict.h decides which of several failures is reported.
 */

#include "job-destination.h"
#include "job-fetch.h"
#include "job.h"

typedef struct JobRun JobRun;

typedef struct JobRunEvents {
        /* The job has ended, and nothing of it remains except what hangs; the run may be freed here. */
        void (*ended)(void *userdata, JobRun *run);
} JobRunEvents;

/**
 * job_run_start() - start
 * @job:        queued; borrowed as long as the run, as are @events and @userdata
 * @destination: taken over
 *
 * A failure to start is a failure of the job: ended() is called for it, too, from the event loop.
 * Return: 0, or -ENOMEM, without any effect.
 */
int job_run_start(
        const JobContext *context,
        Job *job,
        JobDestination *destination,
        const JobRunEvents *events,
        void *userdata,
        JobRun **ret,
        Error *error);

/** job_run_free() - release @run */
JobRun *job_run_free(JobRun *run);

/**
 * job_run_stop() - end it because of @error; ended() follows once everything is cleaned up
 *
 * A tree that already has its name stays: then the job ends as if nobody had stopped it, but sooner, since a
 * cleanup step that hangs is abandoned after JOB_STEP_PATIENCE_USEC.
 */
void job_run_stop(JobRun *run, const Error *error);

DEFINE_CLEANUP(JobRun, job_run_free);
