/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes the leftovers of killed daemons: disk images in the cache at once, staging directories one after the
 * other. Jobs at the same place, above it or below it wait for that. Leftovers on a file system that does not
 * answer stay: a job for that place fails as if somebody worked there. */

#include "job-queue.h"

typedef struct JobRecovery JobRecovery;

typedef struct JobRecoveryEvents {
        void (*ended)(void *userdata); /* as the last thing; the recovery may be freed here */
} JobRecoveryEvents;

/**
 * job_recovery_start() - read the store's journal, and start
 * @queue:      held until the end; borrowed, as are @context, @events and @userdata, as long as the recovery
 */
int job_recovery_start(
        const JobContext *context,
        JobQueue *queue,
        const JobRecoveryEvents *events,
        void *userdata,
        JobRecovery **ret,
        Error *error);

/** job_recovery_stop() - start no more entries; ended() follows */
void job_recovery_stop(JobRecovery *recovery);

/** job_recovery_free() - release @recovery */
JobRecovery *job_recovery_free(JobRecovery *recovery);

DEFINE_CLEANUP(JobRecovery, job_recovery_free);
