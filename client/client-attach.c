/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "client-follow.h"
#include "client-intl.h"
#include "client-job.h"
#include "client-verbs.h"
#include "client-word.h"

/* How to reach the same daemon again. */
static void print_where(const ClientOptions *options, FILE *file) {
        switch (options->transport) {
        case TRANSPORT_SYSTEM:
                (void) fputs(" --system", file);
                return;
        case TRANSPORT_USER:
                (void) fputs(" --user", file);
                return;
        case TRANSPORT_ADDRESS:
                (void) fputs(" --address=", file);
                client_word_print(options->address, file);
                return;
        case TRANSPORT_HOST:
                (void) fprintf(file, " -H %s", options->address);
                return;
        case TRANSPORT_DEFAULT:
        case TRANSPORT_EMBEDDED:
        case _TRANSPORT_MAX:
                return;
        }
}

/* For a shell: "virt-bootstrap --user cancel 1"; NULL when out of memory. */
static char *format_cancel(const ClientOptions *options, const char *id) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;

        (void) fputs("virt-bootstrap", file);
        print_where(options, file);
        (void) fputs(" cancel ", file);
        client_word_print(id, file);
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static void tell_how_to_cancel(
        ClientDisplay *display, const ClientOptions *options, const char *id) {
        _cleanup_(freep) char *cancel = NULL, *text = NULL;

        if (options->json) {
                client_event_write_detached(stdout, id);
                return;
        }

        cancel = format_cancel(options, id);
        if (!cancel)
                return;
        if (asprintf(&text, _("Detached from job %s, which goes on; to end it: %s"), id, cancel) <
            0) {
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
