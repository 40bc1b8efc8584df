/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-record.h"

static void add(
        ClientRecords *records,
        ClientRecordOrigin origin,
        const char *id,
        uint64_t queued_usec,
        uint64_t started_usec) {
        ClientRecord record = {
                .origin = origin,
                .id = strdup(id),
                .source = strdup("docker://alpine"),
                .queued_usec = queued_usec,
                .started_usec = started_usec,
        };

        assert_int_equal(client_records_add(records, &record, NULL), 0);
        assert_null(record.id);
}

TEST(of_each_job_the_best_informed_record_is_kept) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;

        add(&records, RECORD_OF_START, "running", 0, 20);
        add(&records, RECORD_OF_START, "ended", 0, 10);
        add(&records, RECORD_OF_DAEMON, "running", 19, 20);
        add(&records, RECORD_OF_START, "lost", 0, 30);
        add(&records, RECORD_OF_END, "ended", 0, 11);
        add(&records, RECORD_OF_END, "kept", 0, 40);
        add(&records, RECORD_OF_DAEMON, "kept", 39, 40);
        client_records_merge(&records);

        assert_int_equal(records.n, 4);
        assert_string_equal(records.items[0].id, "ended");
        assert_int_equal(records.items[0].origin, RECORD_OF_END);
        assert_string_equal(records.items[1].id, "running");
        assert_int_equal(records.items[1].origin, RECORD_OF_DAEMON);
        assert_string_equal(records.items[2].id, "lost");
        assert_int_equal(records.items[2].origin, RECORD_OF_START);
        assert_string_equal(records.items[3].id, "kept");
        assert_int_equal(records.items[3].origin, RECORD_OF_DAEMON);
}

TEST(oldest_job_is_first_and_equal_times_are_in_the_order_of_their_ids) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;

        add(&records, RECORD_OF_DAEMON, "b", 5, 9);
        add(&records, RECORD_OF_DAEMON, "c", 4, 10);
        add(&records, RECORD_OF_DAEMON, "a", 5, 0);
        client_records_merge(&records);

        assert_int_equal(records.n, 3);
        assert_string_equal(records.items[0].id, "c");
        assert_string_equal(records.items[1].id, "a");
        assert_string_equal(records.items[2].id, "b");
}

TEST(nothing_and_many_can_be_merged) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        char id[16];

        client_records_merge(&records);
        assert_int_equal(records.n, 0);

        for (uint64_t i = 0; i < 2000; i++) {
                (void) snprintf(id, sizeof(id), "%u", (unsigned) i / 2);
                add(&records, i % 2 ? RECORD_OF_END : RECORD_OF_START, id, 0, 10000 - i / 2);
        }
        client_records_merge(&records);
        assert_int_equal(records.n, 1000);
        assert_string_equal(records.items[0].id, "999");
        assert_int_equal(records.items[0].origin, RECORD_OF_END);
}
