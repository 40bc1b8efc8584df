/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The jobs that the journal remembers: virt-bootstrapd(8), "LOG". */

#include <stdbool.h>
#include <sys/types.h>

#include "client-record.h"

#define HISTORY_LINES_MAX 20000U /* the newest ones; a job has two */

/* What a line of the journal about a job has. Texts are owned, and NULL if missing. */
typedef struct ClientHistoryLine {
        bool is_end;
        uint64_t usec; /* when it was logged */
        char *id, *source, *destination, *format, *caller;
        char *result, *error, *digest, *elapsed; /* of an end */
} ClientHistoryLine;

#define HISTORY_LINE_NULL ((ClientHistoryLine){ 0 })

/** client_history_add() - add the record of a line, which is emptied; a line without a job is left out */
int client_history_add(ClientRecords *records, ClientHistoryLine *line, Error *error);

void client_history_line_done(ClientHistoryLine *line);

/**
 * client_history_read() - add a record for each line of the daemon's in this host's journal
 * @daemon:     the daemon's user: anybody can write lines that look like its own, but not as another user
 *
 * Fails with ERROR_ACCESS_DENIED if this user cannot read the journal, and with ERROR_NOT_FOUND if there is none.
 */
int client_history_read(uid_t daemon, ClientRecords *records, Error *error);
