/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "client-history.h"

/* A journal with two entries, of which reading the first one fails; in place of libsystemd's. */

static int failure;
static unsigned position;

int sd_journal_open(sd_journal **ret, int flags) {
        (void) flags;
        position = 0;
        *ret = NULL;
        return 0;
}

void sd_journal_close(sd_journal *j) {
        (void) j;
}

int sd_journal_has_runtime_files(sd_journal *j) {
        (void) j;
        return 1;
}

int sd_journal_has_persistent_files(sd_journal *j) {
        (void) j;
        return 1;
}

int sd_journal_add_match(sd_journal *j, const void *data, size_t size) {
        (void) j;
        (void) data;
        (void) size;
        return 0;
}

int sd_journal_seek_tail(sd_journal *j) {
        (void) j;
        return 0;
}

int sd_journal_previous(sd_journal *j) {
        (void) j;
        return ++position <= 2;
}

int sd_journal_get_realtime_usec(sd_journal *j, uint64_t *ret) {
        (void) j;
        *ret = 1;
        return 0;
}

int sd_journal_get_data(sd_journal *j, const char *field, const void **ret, size_t *ret_size) {
        static const char *const entry[] = { "VIRTBOOTSTRAP_JOB=whole",
                                             "VIRTBOOTSTRAP_CALLER_UID=0" };

        (void) j;
        if (position == 1 && strcmp(field, "VIRTBOOTSTRAP_SOURCE") == 0)
                return failure;
        for (size_t i = 0; i < N_ELEMENTS(entry); i++)
                if (strncmp(entry[i], field, strlen(field)) == 0) {
                        *ret = entry[i];
                        *ret_size = strlen(entry[i]);
                        return 0;
                }
        return -ENOENT;
}

TEST(entries_that_cannot_be_read_are_left_out) {
        static const int failures[] = { -EBADMSG, -E2BIG, -ENOBUFS, -EPROTONOSUPPORT };

        for (size_t i = 0; i < N_ELEMENTS(failures); i++) {
                _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
                _cleanup_(error_clear) Error error = ERROR_NULL;

                failure = failures[i];
                assert_int_equal(client_history_read(0, &records, &error), 0);
                assert_int_equal(records.n, 1);
                assert_string_equal(records.items[0].id, "whole");
        }
}

TEST(other_failure_of_the_journal_is_told) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;

        failure = -EIO;
        assert_int_equal(client_history_read(0, &records, &error), -EIO);
        assert_non_null(strstr(error.message, "Cannot read the journal"));
}
