/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "client-intl.h"
#include "client-job.h"
#include "client-json.h"
#include "client-size.h"
#include "client-table.h"
#include "client-verbs.h"

#define OWNER_TEXT_MAX 16

static void print_json(const JobInfo *info) {
        Json json = JSON_INIT(stdout);

        json_object_begin(&json, NULL);
        json_string(&json, "id", info->header.id);
        json_string(&json, "path", info->header.path);
        json_string(&json, "source", info->header.source);
        json_string(&json, "destination", info->header.destination);
        json_string(&json, "format", info->format);
        json_uint(&json, "owner", info->owner);
        json_string(&json, "state", info->state);
        json_string(&json, "phase", info->progress.phase);
        json_uint(&json, "done", info->progress.done);
        json_uint(&json, "total", info->progress.total);
        json_fraction(&json, "fraction", info->progress.fraction);
        json_string(&json, "digest", *info->digest ? info->digest : NULL);
        json_string(&json, "error", *info->error ? info->error : NULL);
        json_string(&json, "message", *info->message ? info->message : NULL);
        json_uint(&json, "bytes-downloaded", info->bytes_downloaded);
        json_uint(&json, "bytes-unpacked", info->bytes_unpacked);
        json_object_end(&json);
        json_finish(&json);
}

static int print_table(const JobInfo *info, Error *error) {
        static const TableColumn columns[] = { { "", .is_right = true }, { "" } };
        _cleanup_(table_freep) Table *table = NULL;
        char progress[PROGRESS_LINE_MAX], downloaded[SIZE_TEXT_MAX], unpacked[SIZE_TEXT_MAX];
        char owner[OWNER_TEXT_MAX];
        int r;

        (void) snprintf(owner, sizeof(owner), "%u", info->owner);
        const char *const rows[][2] = {
                { _("Job:"), info->header.id },
                { _("Source:"), info->header.source },
                { _("Destination:"), info->header.destination },
                { _("Format:"), info->format },
                { _("Owner:"), owner },
                { _("State:"), info->state },
                { _("Progress:"), progress_format_plain(&info->progress, progress) },
                { _("Downloaded:"), size_format(info->bytes_downloaded, downloaded) },
                { _("Unpacked:"), size_format(info->bytes_unpacked, unpacked) },
                { _("Digest:"), info->digest },
                { _("Error:"), info->error },
                { _("Message:"), info->message },
        };

        r = table_new(columns, 2, &table, error);
        for (size_t i = 0; r >= 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
                if (rows[i][1][0] != '\0')
                        r = table_add(table, rows[i], error);
        if (r < 0)
                return r;

        table_print(table, false, stdout);
        return 0;
}

int verb_show(Connection *connection, const Options *options, Error *error) {
        _cleanup_(job_info_done) JobInfo info = JOB_INFO_NULL;
        _cleanup_(freep) char *path = NULL;
        int r;

        r = job_make_path(options->arguments[0], &path, error);
        if (r >= 0)
                r = job_info_read(connection, path, &info, error);
        if (r >= 0 && options->json)
                print_json(&info);
        else if (r >= 0)
                r = print_table(&info, error);

        return r < 0 ? r : STATUS_DONE;
}
