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

typedef struct ClientFollow ClientFollow;

/** client_follow_new() - subscribe, and hold back the signals above from now on; @display is borrowed */
int client_follow_new(
        ClientConnection *connection, ClientDisplay *display, ClientFollow **ret, Error *error);

/** client_follow_free() - unsubscribe (@follow may be NULL); the signals stay held back */
ClientFollow *client_follow_free(ClientFollow *follow);

/**
 * client_follow_bootstrap() - send the call of Bootstrap and follow the job that it makes
 * @header:     source and destination, for the display
 * @ret:        how it ended, also when the call was refused; owned by the caller
 *
 * Return: 0, or a negative errno with @error set when the outcome is not known.
 */
int client_follow_bootstrap(
        ClientFollow *follow,
        sd_bus_message *call,
        const ClientJobHeader *header,
        ClientOutcome *ret,
        Error *error);

/** client_follow_job() - follow the job that there is; as client_follow_bootstrap() */
int client_follow_job(
        ClientFollow *follow, const ClientJobHeader *header, ClientOutcome *ret, Error *error);

/** client_follow_id() - the job; borrowed; NULL when none was made */
const char *client_follow_id(const ClientFollow *follow);

/** client_follow_read_digest() - the digest of the job's image, owned by the caller; NULL when not known */
char *client_follow_read_digest(const ClientFollow *follow);

DEFINE_CLEANUP(ClientFollow, client_follow_free);
