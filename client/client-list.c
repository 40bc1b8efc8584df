/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base-clock.h"
#include "base-macro.h"
#include "client-history.h"
#include "client-intl.h"
#include "client-job.h"
#include "client-json.h"
#include "client-outcome.h"
#include "client-owner.h"
#include "client-pager.h"
#include "client-table.h"
#include "client-time.h"
#include "client-verbs.h"
#include "client-wrap.h"
#include "dbus-names.h"

#define OWNER_TEXT_MAX 16 /* a number */

static int copy_text(const char *text, char **ret) {
        if (!*text)
                return 0;

        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int add_job(const ClientJobInfo *info, ClientRecords *records, Error *error) {
        _cleanup_(client_record_done) ClientRecord record = {
                .origin = RECORD_OF_DAEMON,
                .owner = info->owner,
                .fraction = info->progress.fraction,
                .queued_usec = info->queued_usec,
                .started_usec = info->started_usec,
                .ended_usec = info->ended_usec,
                .id = strdup(info->header.id),
        };

        if (!record.id || copy_text(info->header.path, &record.path) < 0 ||
            copy_text(info->header.source, &record.source) < 0 ||
            copy_text(info->header.destination, &record.destination) < 0 ||
            copy_text(info->format, &record.format) < 0 ||
            copy_text(info->state, &record.state) < 0 ||
            copy_text(info->error, &record.error) < 0 ||
            copy_text(info->message, &record.message) < 0 ||
            copy_text(info->digest, &record.digest) < 0)
                return error_oom(error);

        return client_records_add(records, &record, error);
}

/* The interfaces of one object. */
static int read_object(
        sd_bus_message *reply, const char *path, ClientRecords *records, Error *error) {
        _cleanup_(client_job_info_done) ClientJobInfo info = JOB_INFO_UNKNOWN(path);
        const char *interface;
        bool is_job = false;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{sa{sv}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sa{sv}")) > 0) {
                r = sd_bus_message_read(reply, "s", &interface);
                if (r >= 0 && strcmp(interface, BUS_JOB) == 0) {
                        is_job = true;
                        r = client_job_info_read_properties(reply, &info);
                } else if (r >= 0)
                        r = sd_bus_message_skip(reply, "a{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        if (r < 0)
                return client_error_set_message(error, r);

        return is_job ? add_job(&info, records, error) : 0;
}

static int read_objects(sd_bus_message *reply, ClientRecords *records, Error *error) {
        const char *path;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}")) > 0) {
                r = sd_bus_message_read(reply, "o", &path);
                if (r < 0)
                        break;
                r = read_object(reply, path, records, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(reply);
        }

        return r < 0 ? client_error_set_message(error, r) : 0;
}

static int read_jobs(ClientConnection *connection, ClientRecords *records, Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(
                client_connection_bus(connection), client_connection_peer_name(connection),
                BUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &bus_error,
                &reply, "");
        return r < 0 ? client_error_set_bus(error, r, &bus_error)
                     : read_objects(reply, records, error);
}

/* The daemon's own messages are those of its user. */
static int read_history(ClientConnection *connection, ClientRecords *records, Error *error) {
        uid_t daemon;
        int r;

        r = client_connection_find_user(connection, &daemon);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot determine the daemon's user");
        return client_history_read(daemon, records, error);
}

static void print_json(const ClientRecord *record, const ClientOptions *options) {
        _cleanup_(freep) char *owner = client_owner_find_name(options, record->owner);
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "id", record->id);
        client_json_string(&json, "path", record->path);
        client_json_string(&json, "source", record->source);
        client_json_string(&json, "destination", record->destination);
        client_json_string(&json, "format", record->format);
        client_json_string(&json, "state", record->state);
        client_json_fraction(&json, "fraction", record->fraction);
        client_json_uint(&json, "owner", record->owner);
        client_json_string(&json, "owner-name", owner);
        client_json_known(&json, "queued-time", record->queued_usec);
        client_json_known(&json, "start-time", record->started_usec);
        client_json_known(&json, "end-time", record->ended_usec);
        client_json_string(&json, "error", record->error);
        client_json_string(&json, "message", record->message);
        client_json_string(&json, "digest", record->digest);
        client_json_object_end(&json);
        client_json_finish(&json);
}

/* "running 45%", "failed: NotFound" */
static int format_state(const ClientRecord *record, char **ret) {
        const char *state = record->state ? record->state : "";
        const char *dot = record->error ? strrchr(record->error, '.') : NULL;
        int r;

        if (strcmp(state, "running") == 0)
                r = asprintf(ret, "%s %u%%", state, (unsigned) (record->fraction * 100) % 101);
        else if (strcmp(state, "failed") == 0 && record->error)
                r = asprintf(ret, "%s: %s", state, dot ? dot + 1 : record->error);
        else
                r = asprintf(ret, "%s", state);
        if (r >= 0)
                return 0;

        *ret = NULL;
        return -ENOMEM;
}

static int add_row(
        ClientTable *table,
        const ClientRecord *record,
        const ClientOptions *options,
        uint64_t now_usec,
        Error *error) {
        _cleanup_(freep) char *owner = client_owner_find_name(options, record->owner);
        _cleanup_(freep) char *state = NULL;
        char age[TIME_BYTES_MAX], number[OWNER_TEXT_MAX];

        if (format_state(record, &state) < 0)
                return error_oom(error);

        (void) snprintf(number, sizeof(number), "%u", record->owner);
        (void) client_time_format_age(
                record->started_usec != 0 ? record->started_usec : record->queued_usec, now_usec,
                age);
        return client_table_add(
                table,
                (const char *const[]){ record->id, age, owner ? owner : number, state,
                                       record->source ? record->source : "",
                                       record->destination ? record->destination : "" },
                error);
}

static int print_table(const ClientRecords *records, const ClientOptions *options, Error *error) {
        const ClientTableColumn columns[] = {
                { _("JOB") },
                { _("AGE"), .is_right = true },
                { _("OWNER") },
                { _("STATE") },
                { _("SOURCE"), .is_flexible = true },
                { _("DESTINATION"), .is_flexible = true },
        };
        const uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        const size_t width = client_wrap_columns(STDOUT_FILENO);
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;
        int r;

        r = client_table_new(columns, N_ELEMENTS(columns), &table, error);
        for (size_t i = 0; r >= 0 && i < records->n; i++)
                r = add_row(table, &records->items[i], options, now_usec, error);
        if (r < 0)
                return r;

        client_pager_open(options, &pager);
        client_table_print_within(table, !options->no_legend, width, stdout);
        if (!options->no_legend)
                (void) printf(ngettext("\n%zu job.\n", "\n%zu jobs.\n", records->n), records->n);
        return 0;
}

int client_verb_list(ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        int r;

        r = read_jobs(connection, &records, error);
        if (r >= 0 && options->all)
                r = read_history(connection, &records, error);
        if (r < 0)
                return r;

        client_records_merge(&records);
        for (size_t i = 0; options->json && i < records.n; i++)
                print_json(&records.items[i], options);
        if (!options->json)
                r = print_table(&records, options, error);
        return r < 0 ? r : STATUS_DONE;
}
