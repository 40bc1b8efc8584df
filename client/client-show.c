/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base-macro.h"
#include "client-intl.h"
#include "client-job.h"
#include "client-json.h"
#include "client-size.h"
#include "client-table.h"
#include "client-verbs.h"
#include "client-wrap.h"

#define OWNER_TEXT_MAX 16

static void print_json(const ClientJobInfo *info) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "id", info->header.id);
        client_json_string(&json, "path", info->header.path);
        client_json_string(&json, "source", info->header.source);
        client_json_string(&json, "destination", info->header.destination);
        client_json_string(&json, "format", info->format);
        client_json_uint(&json, "owner", info->owner);
        client_json_string(&json, "state", info->state);
        client_json_string(&json, "phase", info->progress.phase);
        client_json_uint(&json, "done", info->progress.done);
        client_json_uint(&json, "total", info->progress.total);
        client_json_fraction(&json, "fraction", info->progress.fraction);
        client_json_string(&json, "digest", *info->digest ? info->digest : NULL);
        client_json_string(&json, "error", *info->error ? info->error : NULL);
        client_json_string(&json, "message", *info->message ? info->message : NULL);
        client_json_uint(&json, "bytes-downloaded", info->bytes_downloaded);
        client_json_uint(&json, "bytes-unpacked", info->bytes_unpacked);
        client_config_print_json(&info->config, &json, "config");
        client_json_object_end(&json);
        client_json_finish(&json);
}

static int print_table(const ClientJobInfo *info, Error *error) {
        static const ClientTableColumn columns[] = { { "", .is_right = true }, { "" } };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        _cleanup_(freep) char *runs = NULL;
        char progress[PROGRESS_LINE_MAX], downloaded[SIZE_TEXT_MAX], unpacked[SIZE_TEXT_MAX];
        char owner[OWNER_TEXT_MAX];
        int r;

        r = client_config_describe(&info->config, &runs, error);
        if (r < 0)
                return r;

        (void) snprintf(owner, sizeof(owner), "%u", info->owner);
        const char *const rows[][2] = {
                { _("Job:"), info->header.id },
                { _("Source:"), info->header.source },
                { _("Destination:"), info->header.destination },
                { _("Format:"), info->format },
                { _("Owner:"), owner },
                { _("State:"), info->state },
                { _("Progress:"), client_progress_format_plain(&info->progress, progress) },
                { _("Downloaded:"), client_size_format(info->bytes_downloaded, downloaded) },
                { _("Unpacked:"), client_size_format(info->bytes_unpacked, unpacked) },
                { _("Digest:"), info->digest },
                { _("Runs:"), runs },
                { _("Error:"), info->error },
                { _("Message:"), info->message },
        };

        r = client_table_new(columns, 2, &table, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(rows); i++)
                r = client_table_add_pair(table, rows[i][0], rows[i][1], error);
        if (r < 0)
                return r;

        client_table_print_wrapped(table, client_wrap_columns(STDOUT_FILENO), stdout);
        return 0;
}

int client_verb_show(ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(client_job_info_done) ClientJobInfo info = JOB_INFO_NULL;
        _cleanup_(freep) char *path = NULL;
        int r;

        r = client_job_make_path(options->arguments[0], &path, error);
        if (r >= 0)
                r = client_job_info_read(connection, path, &info, error);
        if (r >= 0 && options->json)
                print_json(&info);
        else if (r >= 0)
                r = print_table(&info, error);

        return r < 0 ? r : STATUS_DONE;
}
