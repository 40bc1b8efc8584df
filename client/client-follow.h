/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watches one job to its end. Signals of all jobs are subscribed to before anything is called, and
 * Job.Wait answers when the job ends, so that nothing is missed however short the job is.
 *
 * SIGINT, SIGTERM and SIGHUP cancel the job, and it is followed on until it is cleaned up; a second
 * one changes nothing then.
 */

#include "client-connect.h"
#include "client-display.h"

typedef struct Follow Follow;

/** follow_new() - subscribe, and hold back the signals above from now on; @display is borrowed */
int follow_new(Connection *connection, Display *display, Follow **ret, Error *error);

/** follow_free() - unsubscribe (@follow may be NULL); the signals stay held back */
Follow *follow_free(Follow *follow);

/**
 * follow_bootstrap() - send the call of Bootstrap and follow the job that it makes
 * @header:     source and destination, for the display
 * @ret:        how it ended, also when the call was refused; owned by the caller
 *
 * Return: 0, or a negative errno with @error set when the outcome is not known.
 */
int follow_bootstrap(
        Follow *follow, sd_bus_message *call, const JobHeader *header, Outcome *ret, Error *error);

/** follow_job() - follow the job that there is; as follow_bootstrap() */
int follow_job(Follow *follow, const JobHeader *header, Outcome *ret, Error *error);

/** follow_id() - the job; borrowed; NULL when none was made */
const char *follow_id(const Follow *follow);

/** follow_read_digest() - the digest of the job's image, owned by the caller; NULL when not known */
char *follow_read_digest(const Follow *follow);

DEFINE_CLEANUP(Follow, follow_free);
