/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "client-follow.h"
#include "client-intl.h"
#include "client-job.h"
#include "client-verbs.h"

/* How to reach the same daemon again. */
static int format_where(const ClientOptions *options, char **ret) {
        switch (options->transport) {
        case TRANSPORT_SYSTEM:
                return asprintf(ret, " --system");
        case TRANSPORT_USER:
                return asprintf(ret, " --user");
        case TRANSPORT_ADDRESS:
                return asprintf(ret, " --address=%s", options->address);
        case TRANSPORT_HOST:
                return asprintf(ret, " -H %s", options->address);
        case TRANSPORT_DEFAULT:
        case TRANSPORT_EMBEDDED:
        case _TRANSPORT_MAX:
                break;
        }

        return asprintf(ret, "%s", "");
}

static void tell_how_to_cancel(
        ClientDisplay *display, const ClientOptions *options, const char *id) {
        _cleanup_(freep) char *where = NULL, *text = NULL;

        if (options->json) {
                client_event_write_detached(stdout, id);
                return;
        }

        if (format_where(options, &where) < 0) {
                where = NULL;
                return;
        }
        if (asprintf(
                    &text,
                    _("Detached from job %s, which goes on; 'virt-bootstrap%s cancel %s' ends it."),
                    id, where, id) < 0) {
                text = NULL;
                return;
        }
        client_display_message(display, id, LOG_NOTICE, text);
}

int client_verb_attach(ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        _cleanup_(client_follow_freep) ClientFollow *followed = NULL;
        _cleanup_(client_job_info_done) ClientJobInfo info = JOB_INFO_NULL;
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        _cleanup_(freep) char *path = NULL;
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

        if (client_follow_is_detached(followed)) {
                tell_how_to_cancel(&display, options, client_follow_id(followed));
                return STATUS_CANCELLED;
        }

        client_display_finished(
                &display, client_follow_id(followed), &outcome, info.header.destination);
        return client_outcome_status(&outcome, true);
}
