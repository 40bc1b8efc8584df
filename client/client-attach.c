/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "client-follow.h"
#include "client-job.h"
#include "client-verbs.h"

int client_verb_attach(ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        _cleanup_(client_follow_freep) ClientFollow *followed = NULL;
        _cleanup_(client_job_info_done) ClientJobInfo info = JOB_INFO_NULL;
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        _cleanup_(freep) char *path = NULL, *digest = NULL;
        int r;

        client_display_init(&display, options);
        r = client_job_make_path(options->arguments[0], &path, error);
        if (r >= 0)
                r = client_follow_new(connection, &display, &followed, error);
        if (r >= 0)
                r = client_job_info_read(connection, path, &info, error);
        if (r >= 0)
                r = client_follow_job(followed, &info.header, &outcome, error);
        if (r < 0)
                return r;

        digest = client_follow_read_digest(followed);
        client_display_finished(
                &display, client_follow_id(followed), &outcome, digest, info.header.destination);
        return client_outcome_status(&outcome, true);
}
