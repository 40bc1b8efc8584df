/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base-clock.h"
#include "base-macro.h"
#include "base-text.h"
#include "client-intl.h"
#include "client-job.h"
#include "client-outcome.h"
#include "client-time.h"
#include "client-verbs.h"
#include "dbus-names.h"

typedef struct Monitor {
        ClientConnection *connection; /* borrowed */
        const ClientOptions *options; /* borrowed */
} Monitor;

/* The job that emitted a signal; NULL if the sender is not a job. */
static char *signal_job(sd_bus_message *m) {
        char *id = NULL;

        return sd_bus_path_decode(sd_bus_message_get_path(m), BUS_JOB_PATH, &id) > 0 ? id : NULL;
}

static void print_line(const char *id, const char *text) {
        _cleanup_(freep) char *printable_id = text_printable(id), *printable = text_printable(text);
        char now[TIME_BYTES_MAX];

        (void) client_time_format_clock(clock_usec(CLOCK_REALTIME), now);
        if (printable_id && printable)
                (void) printf("%s %s: %s\n", now, printable_id, printable);
        (void) fflush(stdout);
}

static int on_new(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const Monitor *monitor = userdata;
        _cleanup_(client_job_info_done) ClientJobInfo info = JOB_INFO_NULL;
        _cleanup_(freep) char *line = NULL;
        ClientJobHeader header = { 0 };

        (void) ret_error;
        if (sd_bus_message_read(m, "so", &header.id, &header.path) < 0)
                return 0;

        /* The job may no longer exist. */
        if (client_job_info_read(monitor->connection, header.path, &info, NULL) >= 0) {
                header.source = info.header.source;
                header.destination = info.header.destination;
        }

        if (monitor->options->json)
                client_event_write_job(stdout, &header);
        else if (
                asprintf(
                        &line, "%s → %s", header.source ? header.source : "?",
                        header.destination ? header.destination : "?") < 0)
                line = NULL;
        else
                print_line(header.id, line);
        return 0;
}

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const Monitor *monitor = userdata;
        _cleanup_(freep) char *id = signal_job(m);
        char line[PROGRESS_LINE_MAX];
        ClientProgress progress;

        (void) ret_error;
        if (!id || sd_bus_message_read(
                           m, "sttd", &progress.phase, &progress.done, &progress.total,
                           &progress.fraction) < 0)
                return 0;

        if (monitor->options->json)
                client_event_write_progress(stdout, id, &progress, NULL);
        else
                print_line(id, client_progress_format_plain(&progress, line));
        return 0;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const Monitor *monitor = userdata;
        _cleanup_(freep) char *id = signal_job(m);
        const char *text;
        uint32_t priority;

        (void) ret_error;
        if (!id || sd_bus_message_read(m, "us", &priority, &text) < 0)
                return 0;

        if (monitor->options->json)
                client_event_write_message(stdout, id, priority, text);
        else
                print_line(id, text);
        return 0;
}

static int on_finished(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const Monitor *monitor = userdata;
        const char *id, *path, *result, *error, *message;
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        _cleanup_(client_details_done) ClientDetails details = DETAILS_NULL;
        _cleanup_(freep) char *line = NULL;

        (void) ret_error;
        if (sd_bus_message_read(m, "sosss", &id, &path, &result, &error, &message) < 0 ||
            client_outcome_set(&outcome, result, error, message) < 0)
                return 0;

        if (monitor->options->json) {
                (void) client_details_read(&details, monitor->connection, path);
                client_event_write_finished(stdout, id, &outcome, &details);
        } else if (asprintf(&line, "%s%s%s", result, *message ? ": " : "", message) < 0)
                line = NULL;
        else
                print_line(id, line);
        return 0;
}

static int subscribe(Monitor *monitor) {
        const struct {
                const char *interface, *member;
                sd_bus_message_handler_t handler;
        } matches[] = {
                { BUS_MANAGER, "JobNew", on_new },
                { BUS_MANAGER, "JobFinished", on_finished },
                { BUS_JOB, "ProgressChanged", on_progress },
                { BUS_JOB, "Message", on_message },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(matches); i++)
                r = sd_bus_match_signal(
                        client_connection_bus(monitor->connection), NULL,
                        client_connection_peer_name(monitor->connection), NULL,
                        matches[i].interface, matches[i].member, matches[i].handler, monitor);

        return r;
}

int client_verb_monitor(ClientConnection *connection, const ClientOptions *options, Error *error) {
        Monitor monitor = { connection, options };
        sd_bus *bus = client_connection_bus(connection);
        int r;

        r = subscribe(&monitor);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot watch for the daemon's signals");

        /* Until the connection ends, or a signal ends the program. */
        do {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        } while (r >= 0 && !ferror(stdout));

        return r < 0 ? error_set_errno(error, -r, "The connection ended") : STATUS_FAILED;
}
