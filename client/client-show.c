/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base-clock.h"
#include "base-macro.h"
#include "client-details.h"
#include "client-event.h"
#include "client-intl.h"
#include "client-job.h"
#include "client-json.h"
#include "client-outcome.h"
#include "client-owner.h"
#include "client-pager.h"
#include "client-size.h"
#include "client-span.h"
#include "client-table.h"
#include "client-time.h"
#include "client-verbs.h"
#include "client-wrap.h"

#define OWNER_TEXT_MAX 512 /* "name (number)" */
#define LAYER_TEXT_MAX 128
#define FILES_TEXT_MAX 24

/* How long it has run, or did run. */
static uint64_t run_usec(const ClientJobInfo *info) {
        const uint64_t end = info->ended_usec ? info->ended_usec : clock_usec(CLOCK_REALTIME);

        return info->started_usec != 0 && end > info->started_usec ? end - info->started_usec : 0;
}

static void print_text(ClientJson *json, const char *key, const char *text) {
        client_json_string(json, key, *text ? text : NULL);
}

static void print_json(const ClientJobInfo *info, const ClientDetails *details, const char *owner) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "id", info->header.id);
        client_json_string(&json, "path", info->header.path);
        client_json_string(&json, "source", info->header.source);
        client_json_string(&json, "destination", info->header.destination);
        client_json_string(&json, "format", info->format);
        client_json_uint(&json, "owner", info->owner);
        client_json_string(&json, "owner-name", owner);
        client_json_string(&json, "state", info->state);
        client_json_string(&json, "phase", info->progress.phase);
        client_json_uint(&json, "done", info->progress.done);
        client_json_uint(&json, "total", info->progress.total);
        client_json_fraction(&json, "fraction", info->progress.fraction);
        client_json_known(&json, "speed", details->speed);
        client_json_known(&json, "queued-time", info->queued_usec);
        client_json_known(&json, "start-time", info->started_usec);
        client_json_known(&json, "end-time", info->ended_usec);
        client_json_string(&json, "platform", details->platform);
        print_text(&json, "digest", info->digest);
        client_event_add_layers(&json, details);
        print_text(&json, "error", info->error);
        print_text(&json, "message", info->message);
        client_json_uint(&json, "bytes-downloaded", info->bytes_downloaded);
        client_json_uint(&json, "bytes-unpacked", info->bytes_unpacked);
        client_json_known(&json, "files", details->files);
        client_json_string(&json, "disk", details->disk);
        client_config_print_json(&info->config, &json, "config");
        client_json_object_end(&json);
        client_json_finish(&json);
}

static int add_time(ClientTable *table, const char *key, uint64_t usec, Error *error) {
        char text[TIME_BYTES_MAX];

        return client_table_add_pair(
                table, key, usec != 0 ? client_time_format(usec, text) : NULL, error);
}

/* "29b7e3a1c0d5  40.6M downloading 12.1M", "…  30.3M unpacked, cached"; states are not translated */
static int add_layer(ClientTable *table, const char *key, const ClientLayer *layer, Error *error) {
        char size[SIZE_TEXT_MAX], done[SIZE_TEXT_MAX], text[LAYER_TEXT_MAX];
        const char *hex = strchr(layer->digest, ':');
        const bool is_under_way =
                layer->state == LAYER_DOWNLOADING || layer->state == LAYER_UNPACKING;

        (void) snprintf(
                text, sizeof(text), "%.12s %7s %s%s%s%s", hex ? hex + 1 : layer->digest,
                client_size_format(layer->size, size), client_layer_state_to_string(layer->state),
                is_under_way ? " " : "", is_under_way ? client_size_format(layer->done, done) : "",
                layer->is_cached ? ", cached" : "");
        return client_table_add(table, (const char *const[]){ key, text }, error);
}

static int add_times(ClientTable *table, const ClientJobInfo *info, Error *error) {
        char span[SPAN_TEXT_MAX];
        int r;

        r = add_time(table, _("Queued:"), info->queued_usec, error);
        if (r >= 0)
                r = add_time(table, _("Started:"), info->started_usec, error);
        if (r >= 0)
                r = add_time(table, _("Ended:"), info->ended_usec, error);
        if (r >= 0 && info->started_usec != 0)
                r = client_table_add_pair(
                        table, _("Duration:"), client_span_format(run_usec(info), span), error);
        return r;
}

static int add_transfer(
        ClientTable *table, const ClientJobInfo *info, const ClientDetails *details, Error *error) {
        char downloaded[SIZE_TEXT_MAX], unpacked[SIZE_TEXT_MAX], speed[SIZE_TEXT_MAX + 2];
        char files[FILES_TEXT_MAX] = "";
        int r = 0;

        if (details->files > 0)
                (void) snprintf(files, sizeof(files), "%" PRIu64, details->files);
        if (details->speed > 0) {
                char bytes[SIZE_TEXT_MAX];

                (void) snprintf(
                        speed, sizeof(speed), "%s/s", client_size_format(details->speed, bytes));
                r = client_table_add_pair(table, _("Speed:"), speed, error);
        }
        if (r >= 0)
                r = client_table_add_pair(
                        table, _("Downloaded:"),
                        client_size_format(info->bytes_downloaded, downloaded), error);
        if (r >= 0)
                r = client_table_add_pair(
                        table, _("Unpacked:"), client_size_format(info->bytes_unpacked, unpacked),
                        error);
        return r < 0 ? r : client_table_add_pair(table, _("Files:"), files, error);
}

static int add_rest(
        ClientTable *table,
        const ClientJobInfo *info,
        const ClientDetails *details,
        const char *runs,
        Error *error) {
        const char *const rows[][2] = {
                { _("Platform:"), details->platform }, { _("Digest:"), info->digest },
                { _("Disk:"), details->disk },         { _("Runs:"), runs },
                { _("Error:"), info->error },          { _("Message:"), info->message },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < details->n_layers; i++)
                r = add_layer(table, i == 0 ? _("Layers:") : "", &details->layers[i], error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(rows); i++)
                r = client_table_add_pair(table, rows[i][0], rows[i][1], error);
        return r;
}

static int print_table(
        const ClientJobInfo *info,
        const ClientDetails *details,
        const ClientOptions *options,
        const char *name,
        Error *error) {
        static const ClientTableColumn columns[] = { { "", .is_right = true }, { "" } };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;
        const size_t width = client_wrap_columns(STDOUT_FILENO);
        _cleanup_(freep) char *runs = NULL;
        char progress[PROGRESS_LINE_MAX], owner[OWNER_TEXT_MAX];
        int r;

        r = client_config_describe(&info->config, &runs, error);
        if (r < 0)
                return r;

        if (name)
                (void) snprintf(owner, sizeof(owner), "%s (%u)", name, info->owner);
        else
                (void) snprintf(owner, sizeof(owner), "%u", info->owner);
        const char *const rows[][2] = {
                { _("Job:"), info->header.id },
                { _("Source:"), info->header.source },
                { _("Destination:"), info->header.destination },
                { _("Format:"), info->format },
                { _("Owner:"), owner },
                { _("State:"), info->state },
                { _("Progress:"), client_progress_format_plain(&info->progress, progress) },
        };

        r = client_table_new(columns, 2, &table, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(rows); i++)
                r = client_table_add_pair(table, rows[i][0], rows[i][1], error);
        if (r >= 0)
                r = add_times(table, info, error);
        if (r >= 0)
                r = add_transfer(table, info, details, error);
        if (r >= 0)
                r = add_rest(table, info, details, runs, error);
        if (r < 0)
                return r;

        client_pager_open(options, &pager);
        client_table_print_wrapped(table, width, stdout);
        return 0;
}

int client_verb_show(ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(client_job_info_done) ClientJobInfo info = JOB_INFO_NULL;
        _cleanup_(client_details_done) ClientDetails details = DETAILS_NULL;
        _cleanup_(freep) char *path = NULL, *owner = NULL;
        int r;

        r = client_job_make_path(options->arguments[0], &path, error);
        if (r >= 0)
                r = client_job_info_read(connection, path, &info, error);
        if (r < 0)
                return r;

        r = sd_bus_message_rewind(info.reply, true);
        if (r >= 0)
                r = client_details_update(&details, info.reply);
        if (r < 0)
                return client_error_set_message(error, r);

        owner = client_owner_find_name(options, info.owner);
        if (options->json)
                print_json(&info, &details, owner);
        else
                r = print_table(&info, &details, options, owner, error);
        return r < 0 ? r : STATUS_DONE;
}
