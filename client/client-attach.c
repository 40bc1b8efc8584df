/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "client-follow.h"
#include "client-job.h"
#include "client-verbs.h"

int verb_attach(Connection *connection, const Options *options, Error *error) {
        _cleanup_(display_done) Display display = { 0 };
        _cleanup_(follow_freep) Follow *followed = NULL;
        _cleanup_(job_info_done) JobInfo info = JOB_INFO_NULL;
        _cleanup_(outcome_done) Outcome outcome = OUTCOME_NULL;
        _cleanup_(freep) char *path = NULL, *digest = NULL;
        int r;

        display_init(&display, options);
        r = job_make_path(options->arguments[0], &path, error);
        if (r >= 0)
                r = follow_new(connection, &display, &followed, error);
        if (r >= 0)
                r = job_info_read(connection, path, &info, error);
        if (r >= 0)
                r = follow_job(followed, &info.header, &outcome, error);
        if (r < 0)
                return r;

        digest = follow_read_digest(followed);
        display_finished(&display, follow_id(followed), &outcome, digest, info.header.destination);
        return outcome_status(&outcome);
}
