/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes what daemons that were killed left: disk images in the cache at once, staging directories one
 * after the other. Jobs that are to work in the same place, above it or below it wait for that. What is on a file
 * system that does not answer stays: a job that is to work there is told that somebody does. */

#include "job-queue.h"

typedef struct JobRecovery JobRecovery;

typedef struct JobRecoveryEvents {
        void (*ended)(void *userdata); /* as the last thing; the recovery may be freed here */
} JobRecoveryEvents;

/**
 * job_recovery_start() - look into the store's journal and go to work
 * @queue:      held until the end; borrowed, as are @context, @events and @userdata, as long as the recovery
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_recovery_start(
        const JobContext *context,
        JobQueue *queue,
        const JobRecoveryEvents *events,
        void *userdata,
        JobRecovery **ret,
        Error *error);

/** job_recovery_stop() - look at no more entries; ended() follows */
void job_recovery_stop(JobRecovery *recovery);

/** job_recovery_free() - release @recovery (may be NULL) */
JobRecovery *job_recovery_free(JobRecovery *recovery);

DEFINE_CLEANUP(JobRecovery, job_recovery_free);
