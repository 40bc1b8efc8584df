/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "base-macro.h"
#include "client-intl.h"
#include "client-json.h"
#include "client-outcome.h"
#include "client-table.h"
#include "client-verbs.h"
#include "dbus-names.h"

typedef struct ListedJob {
        const char *id, *path, *source, *destination, *format, *state;
        double fraction;
} ListedJob;

static void print_json(const ListedJob *job) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "id", job->id);
        client_json_string(&json, "path", job->path);
        client_json_string(&json, "source", job->source);
        client_json_string(&json, "destination", job->destination);
        client_json_string(&json, "format", job->format);
        client_json_string(&json, "state", job->state);
        client_json_fraction(&json, "fraction", job->fraction);
        client_json_object_end(&json);
        client_json_finish(&json);
}

static int add_row(ClientTable *table, const ListedJob *job, Error *error) {
        char percent[8];

        (void) snprintf(percent, sizeof(percent), "%u%%", (unsigned) (job->fraction * 100) % 101);
        return client_table_add(
                table,
                (const char *const[]){ job->id, job->state, percent, job->format, job->source,
                                       job->destination },
                error);
}

static int read_job(sd_bus_message *reply, ListedJob *ret) {
        return sd_bus_message_read(
                reply, "(sossssd)", &ret->id, &ret->path, &ret->source, &ret->destination,
                &ret->format, &ret->state, &ret->fraction);
}

static int list_jobs(
        sd_bus_message *reply, const ClientOptions *options, ClientTable *table, Error *error) {
        ListedJob job;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(sossssd)");
        if (r < 0)
                return client_error_set_message(error, r);

        while ((r = read_job(reply, &job)) > 0) {
                if (options->json) {
                        print_json(&job);
                        continue;
                }

                r = add_row(table, &job, error);
                if (r < 0)
                        return r;
        }

        return r < 0 ? client_error_set_message(error, r) : 0;
}

int client_verb_list(ClientConnection *connection, const ClientOptions *options, Error *error) {
        const ClientTableColumn columns[] = {
                { _("JOB") },    { _("STATE") },  { _("PROGRESS"), .is_right = true },
                { _("FORMAT") }, { _("SOURCE") }, { _("DESTINATION") },
        };
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        int r;

        r = sd_bus_call_method(
                client_connection_bus(connection), client_connection_peer_name(connection),
                BUS_PATH, BUS_MANAGER, "ListJobs", &bus_error, &reply, "");
        if (r < 0)
                return client_error_set_bus(error, r, &bus_error);

        r = client_table_new(columns, N_ELEMENTS(columns), &table, error);
        if (r >= 0)
                r = list_jobs(reply, options, table, error);
        if (r < 0)
                return r;

        if (!options->json) {
                size_t n = client_table_rows(table);

                client_table_print(table, !options->no_legend, stdout);
                if (!options->no_legend)
                        (void) printf(ngettext("\n%zu job.\n", "\n%zu jobs.\n", n), n);
        }
        return STATUS_DONE;
}
