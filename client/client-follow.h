/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Follows one job to its end. The signals of all jobs are subscribed to before anything is called, and
 * Job.Wait returns when the job ends, so that nothing is missed, however short the job is.
 *
 * SIGINT, SIGTERM and SIGHUP cancel a job that was created here, which is followed until it has been cleaned up;
 * further signals change nothing. Any other job goes on, and is no longer followed. While SIGTSTP (Ctrl-Z)
 * stops the program, the display is gone.
 */

#include "client-connect.h"
#include "client-display.h"

typedef struct ClientFollow ClientFollow;

/** client_follow_new() - subscribe, and block the signals above from now on; @display is borrowed, and shows our details */
int client_follow_new(
        ClientConnection *connection, ClientDisplay *display, ClientFollow **ret, Error *error);

/** client_follow_free() - unsubscribe; the signals stay blocked */
ClientFollow *client_follow_free(ClientFollow *follow);

/**
 * client_follow_bootstrap() - call Bootstrap and follow the job that it creates
 * @header:     source and destination, for the display
 * @ret:        how the job ended, or that the call was refused; owned by the caller
 *
 * Fails only if the outcome is unknown.
 */
int client_follow_bootstrap(
        ClientFollow *follow,
        sd_bus_message *call,
        const ClientJobHeader *header,
        ClientOutcome *ret,
        Error *error);

/** client_follow_job() - follow an existing job; @ret is empty if a signal ended that; see client_follow_bootstrap() */
int client_follow_job(
        ClientFollow *follow, const ClientJobHeader *header, ClientOutcome *ret, Error *error);

/** client_follow_is_detached() - whether a signal arrived while an existing job was followed */
bool client_follow_is_detached(const ClientFollow *follow);

/** client_follow_id() - the job's id; borrowed; NULL if no job was created */
const char *client_follow_id(const ClientFollow *follow);

DEFINE_CLEANUP(ClientFollow, client_follow_free);
