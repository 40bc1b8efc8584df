/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs as a listing has them: those that the daemon knows, and those that only the journal remembers. */

#include <stdint.h>

#include "base-error.h"

/* Who says what is in the record, best informed first. */
typedef enum ClientRecordOrigin {
        RECORD_OF_DAEMON,
        RECORD_OF_END,   /* of the journal's line about a job's end */
        RECORD_OF_START, /* … about its start */
} ClientRecordOrigin;

/* Texts are owned, and NULL if unknown; times are since the epoch, and 0 if unknown. */
typedef struct ClientRecord {
        ClientRecordOrigin origin;
        char *id;   /* never NULL */
        char *path; /* of the daemon's object */
        char *source, *destination, *format;
        char *state; /* as the property State; "unknown" for a job that the journal does not see end */
        char *error, *message, *digest;
        uint32_t owner; /* uid */
        double fraction;
        uint64_t queued_usec, started_usec, ended_usec;
} ClientRecord;

typedef struct ClientRecords {
        ClientRecord *items; /* owned */
        size_t n, n_allocated;
} ClientRecords;

#define RECORD_NULL  ((ClientRecord){ 0 })
#define RECORDS_NULL ((ClientRecords){ 0 })

/** client_record_usec() - when the job was queued or, if that is unknown, started */
uint64_t client_record_usec(const ClientRecord *record);

void client_record_done(ClientRecord *record);

/** client_records_add() - append @record, which is taken over, even on failure; fails only with -ENOMEM */
int client_records_add(ClientRecords *records, ClientRecord *record, Error *error);

/** client_records_merge() - keep only the best informed record of each job, oldest job first */
void client_records_merge(ClientRecords *records);

void client_records_done(ClientRecords *records);
