/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "base-number.h"
#include "client-history.h"
#include "dbus-names.h"

static const struct HistoryField {
        const char *name;
        size_t offset;
} fields[] = {
        { "VIRTBOOTSTRAP_JOB", offsetof(ClientHistoryLine, id) },
        { "VIRTBOOTSTRAP_SOURCE", offsetof(ClientHistoryLine, source) },
        { "VIRTBOOTSTRAP_DESTINATION", offsetof(ClientHistoryLine, destination) },
        { "VIRTBOOTSTRAP_FORMAT", offsetof(ClientHistoryLine, format) },
        { "VIRTBOOTSTRAP_CALLER_UID", offsetof(ClientHistoryLine, caller) },
        { "VIRTBOOTSTRAP_RESULT", offsetof(ClientHistoryLine, result) },
        { "VIRTBOOTSTRAP_ERROR", offsetof(ClientHistoryLine, error) },
        { "VIRTBOOTSTRAP_DIGEST", offsetof(ClientHistoryLine, digest) },
        { "VIRTBOOTSTRAP_USEC", offsetof(ClientHistoryLine, elapsed) },
};

static char **find_text(ClientHistoryLine *line, const struct HistoryField *field) {
        void *text = (char *) line + field->offset;

        return text;
}

void client_history_line_done(ClientHistoryLine *line) {
        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                free(*find_text(line, &fields[i]));
        *line = HISTORY_LINE_NULL;
}

/* As the property State: the journal has the result. */
static const char *find_state(const ClientHistoryLine *line) {
        if (!line->is_end || !line->result)
                return "unknown";
        return strcmp(line->result, "done") == 0 ? "finished" : line->result;
}

int client_history_add(ClientRecords *records, ClientHistoryLine *line, Error *error) {
        _cleanup_(client_history_line_done) ClientHistoryLine taken = TAKE_STRUCT(*line);
        ClientRecord record = { .origin = taken.is_end ? RECORD_OF_END : RECORD_OF_START };
        uint64_t caller = 0, elapsed = 0;
        char *state;

        if (!taken.id || !taken.caller || number_parse(taken.caller, UINT32_MAX, &caller) < 0)
                return 0;

        state = strdup(find_state(&taken));
        if (!state)
                return error_oom(error);

        if (taken.is_end && taken.elapsed)
                (void) number_parse(taken.elapsed, taken.usec, &elapsed);
        record.state = state;
        record.id = TAKE_PTR(taken.id);
        record.source = TAKE_PTR(taken.source);
        record.destination = TAKE_PTR(taken.destination);
        record.format = TAKE_PTR(taken.format);
        record.error = TAKE_PTR(taken.error);
        record.digest = TAKE_PTR(taken.digest);
        record.owner = (uint32_t) caller;
        record.fraction = strcmp(state, "finished") == 0;
        record.started_usec = taken.usec - elapsed;
        record.ended_usec = taken.is_end ? taken.usec : 0;
        return client_records_add(records, &record, error);
}

static int cannot_read(int r, Error *error) {
        return error_set_errno(error, -r, "Cannot read the journal");
}

/* *@ret is NULL if the line lacks the field or it is empty. */
static int read_field(sd_journal *journal, const char *name, char **ret) {
        const size_t prefix = strlen(name) + 1; /* "NAME=" */
        const void *data;
        size_t size;
        int r;

        r = sd_journal_get_data(journal, name, &data, &size);
        if (r == -ENOENT || (r >= 0 && size <= prefix)) {
                *ret = NULL;
                return 0;
        }
        if (r < 0)
                return r;

        *ret = strndup((const char *) data + prefix, size - prefix);
        return *ret ? 0 : -ENOMEM;
}

static int read_line(sd_journal *journal, ClientHistoryLine *ret) {
        _cleanup_(client_history_line_done) ClientHistoryLine line = HISTORY_LINE_NULL;
        _cleanup_(freep) char *id = NULL;
        int r;

        r = sd_journal_get_realtime_usec(journal, &line.usec);
        if (r >= 0)
                r = read_field(journal, "MESSAGE_ID", &id);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(fields); i++)
                r = read_field(journal, fields[i].name, find_text(&line, &fields[i]));
        if (r < 0)
                return r;

        line.is_end = id && strcmp(id, JOURNAL_JOB_ENDED) == 0;
        *ret = TAKE_STRUCT(line);
        return 0;
}

/* The entry is damaged, or as a newer journald writes it; journalctl also leaves it out. */
static bool is_unreadable(int r) {
        return r == -EBADMSG || r == -E2BIG || r == -ENOBUFS || r == -EPROTONOSUPPORT;
}

/* A user's messages are in the user's own file or, if there is none on the disk, in the system's. */
static int open_journal(uid_t daemon, sd_journal **ret, Error *error) {
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        int r;

        r = sd_journal_open(
                &journal, SD_JOURNAL_LOCAL_ONLY | (daemon == 0 ? SD_JOURNAL_SYSTEM : 0));
        if (r < 0)
                return cannot_read(r, error);

        /* Files that cannot be opened are left out silently. */
        if (sd_journal_has_persistent_files(journal) > 0 ||
            sd_journal_has_runtime_files(journal) > 0) {
                *ret = TAKE_PTR(journal);
                return 0;
        }

        return geteuid() == 0
                       ? error_set(
                                 error, ENOENT, ERROR_NOT_FOUND,
                                 "There is no journal, which would remember earlier jobs")
                       : error_set(
                                 error, EACCES, ERROR_ACCESS_DENIED,
                                 "This user cannot read the system's journal, which remembers earlier jobs; "
                                 "root and the members of the group systemd-journal can");
}

static int add_matches(sd_journal *journal, uid_t daemon) {
        char uid[sizeof("_UID=") + 10];
        int r;

        (void) snprintf(uid, sizeof(uid), "_UID=%u", (unsigned) daemon);
        r = sd_journal_add_match(journal, "MESSAGE_ID=" JOURNAL_JOB_STARTED, 0);
        if (r >= 0)
                r = sd_journal_add_match(journal, "MESSAGE_ID=" JOURNAL_JOB_ENDED, 0);
        if (r >= 0)
                r = sd_journal_add_match(journal, uid, 0);
        if (r >= 0)
                r = sd_journal_seek_tail(journal);
        return r;
}

int client_history_read(uid_t daemon, ClientRecords *records, Error *error) {
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        int r;

        r = open_journal(daemon, &journal, error);
        if (r < 0)
                return r;

        r = add_matches(journal, daemon);
        for (unsigned i = 0; r >= 0 && i < HISTORY_LINES_MAX; i++) {
                ClientHistoryLine line = HISTORY_LINE_NULL;

                r = sd_journal_previous(journal);
                if (r == 0)
                        return 0;
                if (r > 0)
                        r = read_line(journal, &line);
                if (is_unreadable(r))
                        r = 0;
                else if (r >= 0 && client_history_add(records, &line, error) < 0)
                        return -ENOMEM;
        }

        return r < 0 ? cannot_read(r, error) : 0;
}
