/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base-cleanup.h"
#include "client-record.h"

uint64_t client_record_usec(const ClientRecord *record) {
        return record->queued_usec != 0 ? record->queued_usec : record->started_usec;
}

void client_record_done(ClientRecord *record) {
        free(record->id);
        free(record->path);
        free(record->source);
        free(record->destination);
        free(record->format);
        free(record->state);
        free(record->error);
        free(record->message);
        free(record->digest);
        *record = RECORD_NULL;
}

int client_records_add(ClientRecords *records, ClientRecord *record, Error *error) {
        _cleanup_(client_record_done) ClientRecord taken = TAKE_STRUCT(*record);

        if (records->n == records->n_allocated) {
                size_t n = records->n_allocated * 2 + 16;
                ClientRecord *items = reallocarray(records->items, n, sizeof(*items));

                if (!items)
                        return error_oom(error);
                records->items = items;
                records->n_allocated = n;
        }

        records->items[records->n++] = TAKE_STRUCT(taken);
        return 0;
}

static int compare_origins(const void *a, const void *b) {
        const ClientRecord *one = a, *other = b;
        int r = strcmp(one->id, other->id);

        return r != 0 ? r : (one->origin > other->origin) - (one->origin < other->origin);
}

static int compare_times(const void *a, const void *b) {
        const uint64_t one = client_record_usec(a), other = client_record_usec(b);

        return one != other ? (one > other) - (one < other) : compare_origins(a, b);
}

void client_records_merge(ClientRecords *records) {
        size_t n = 0;

        if (records->n == 0)
                return;

        qsort(records->items, records->n, sizeof(*records->items), compare_origins);
        for (size_t i = 0; i < records->n; i++)
                if (n > 0 && strcmp(records->items[n - 1].id, records->items[i].id) == 0)
                        client_record_done(&records->items[i]);
                else
                        records->items[n++] = TAKE_STRUCT(records->items[i]);
        records->n = n;
        qsort(records->items, n, sizeof(*records->items), compare_times);
}

void client_records_done(ClientRecords *records) {
        for (size_t i = 0; i < records->n; i++)
                client_record_done(&records->items[i]);
        free(records->items);
        *records = RECORDS_NULL;
}
