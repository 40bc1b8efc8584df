/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

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
        Json json = JSON_INIT(stdout);

        json_object_begin(&json, NULL);
        json_string(&json, "id", job->id);
        json_string(&json, "path", job->path);
        json_string(&json, "source", job->source);
        json_string(&json, "destination", job->destination);
        json_string(&json, "format", job->format);
        json_string(&json, "state", job->state);
        json_fraction(&json, "fraction", job->fraction);
        json_object_end(&json);
        json_finish(&json);
}

static int add_row(Table *table, const ListedJob *job, Error *error) {
        char percent[8];

        (void) snprintf(percent, sizeof(percent), "%u%%", (unsigned) (job->fraction * 100) % 101);
        return table_add(
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

static int list_jobs(sd_bus_message *reply, const Options *options, Table *table, Error *error) {
        ListedJob job;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(sossssd)");
        if (r < 0)
                return error_set_message(error, r);

        while ((r = read_job(reply, &job)) > 0) {
                if (options->json) {
                        print_json(&job);
                        continue;
                }

                r = add_row(table, &job, error);
                if (r < 0)
                        return r;
        }

        return r < 0 ? error_set_message(error, r) : 0;
}

int verb_list(Connection *connection, const Options *options, Error *error) {
        const TableColumn columns[] = {
                { _("JOB") },    { _("STATE") },  { _("PROGRESS"), .is_right = true },
                { _("FORMAT") }, { _("SOURCE") }, { _("DESTINATION") },
        };
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        int r;

        r = sd_bus_call_method(
                connection_bus(connection), connection_peer_name(connection), BUS_PATH, BUS_MANAGER,
                "ListJobs", &bus_error, &reply, "");
        if (r < 0)
                return error_set_bus(error, r, &bus_error);

        r = table_new(columns, sizeof(columns) / sizeof(columns[0]), &table, error);
        if (r >= 0)
                r = list_jobs(reply, options, table, error);
        if (r < 0)
                return r;

        if (!options->json) {
                size_t n = table_rows(table);

                table_print(table, !options->no_legend, stdout);
                if (!options->no_legend)
                        (void) printf(ngettext("\n%zu job.\n", "\n%zu jobs.\n", n), n);
        }
        return STATUS_DONE;
}
