/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes what daemons that were killed left: disk images in the cache at once, staging directories one
 * after the other. Jobs wait for that: they may be about to work in the same place. What is on a file system
 * that does not answer stays: a job that is to work there is told that somebody does. */

#include "job-queue.h"

typedef struct Recovery Recovery;

typedef struct RecoveryEvents {
        void (*ended)(void *userdata); /* as the last thing; the recovery may be freed here */
} RecoveryEvents;

/**
 * recovery_start() - look into the store's journal and go to work
 * @queue:      held until the end; borrowed, as are @events and @userdata, as long as the recovery
 *
 * Return: 0, or a negative errno with @error set.
 */
int recovery_start(
        Queue *queue, const RecoveryEvents *events, void *userdata, Recovery **ret, Error *error);

/** recovery_stop() - look at no more entries; ended() follows */
void recovery_stop(Recovery *recovery);

/** recovery_free() - release @recovery (may be NULL) */
Recovery *recovery_free(Recovery *recovery);

DEFINE_CLEANUP(Recovery, recovery_free);
