/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Workers of one job that are started before there is work for them, so that they load their libraries while the
 * job prepares its destination and others fetch. A spare waits for its start message: it has read nothing yet.
 *
 *     job_spares_new() ─▶ job_spares_start(), for each worker that is needed ─▶ job_spares_free()
 */

#include "job-process.h"
#include "job-spec.h"

typedef struct JobSpares JobSpares;

/** job_spares_new() - start what a job with @spec will need; NULL if there is no memory: nothing is started ahead */
JobSpares *job_spares_new(const JobContext *context, const JobSpec *spec);

/** job_spares_fetcher() - the fetch worker for the image of @spec */
JobWorkerKind job_spares_fetcher(const JobSpec *spec);

/** job_spares_free() - end those that nobody needed */
JobSpares *job_spares_free(JobSpares *spares);

/** job_spares_start() - as job_process_start(), but takes the spare of that kind if the job of @context has one */
int job_spares_start(
        const JobContext *context,
        JobWorkerKind kind,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error);
