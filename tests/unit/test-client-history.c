/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "client-history.h"

#define LOGGED UINT64_C(1800000000000000)

static ClientHistoryLine line_of(const char *id, const char *caller) {
        return (ClientHistoryLine){
                .usec = LOGGED,
                .id = id ? strdup(id) : NULL,
                .source = strdup("docker://alpine"),
                .destination = strdup("/srv/alpine"),
                .format = strdup("dir"),
                .caller = caller ? strdup(caller) : NULL,
        };
}

TEST(line_about_an_end_has_both_times_and_the_error) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        ClientHistoryLine line = line_of("abc", "1000");

        line.is_end = true;
        line.result = strdup("failed");
        line.error = strdup("org.virtbootstrap1.Error.NotFound");
        line.elapsed = strdup("2500000");
        assert_int_equal(client_history_add(&records, &line, NULL), 0);
        assert_null(line.id);

        assert_int_equal(records.n, 1);
        assert_int_equal(records.items[0].origin, RECORD_OF_END);
        assert_string_equal(records.items[0].id, "abc");
        assert_string_equal(records.items[0].source, "docker://alpine");
        assert_string_equal(records.items[0].destination, "/srv/alpine");
        assert_string_equal(records.items[0].format, "dir");
        assert_string_equal(records.items[0].state, "failed");
        assert_string_equal(records.items[0].error, "org.virtbootstrap1.Error.NotFound");
        assert_int_equal(records.items[0].owner, 1000);
        assert_true(records.items[0].started_usec == LOGGED - 2500000);
        assert_true(records.items[0].ended_usec == LOGGED);
        assert_true(records.items[0].fraction == 0);
        assert_null(records.items[0].path);
}

TEST(success_is_a_finished_job) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        ClientHistoryLine line = line_of("abc", "0");

        line.is_end = true;
        line.result = strdup("done");
        line.digest = strdup("sha256:00");
        assert_int_equal(client_history_add(&records, &line, NULL), 0);
        assert_string_equal(records.items[0].state, "finished");
        assert_string_equal(records.items[0].digest, "sha256:00");
        assert_null(records.items[0].error);
        assert_true(records.items[0].fraction == 1);
        assert_true(records.items[0].started_usec == LOGGED);
}

TEST(line_about_a_start_knows_no_end) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        ClientHistoryLine line = line_of("abc", "0");

        assert_int_equal(client_history_add(&records, &line, NULL), 0);
        assert_int_equal(records.items[0].origin, RECORD_OF_START);
        assert_string_equal(records.items[0].state, "unknown");
        assert_true(records.items[0].started_usec == LOGGED);
        assert_true(records.items[0].ended_usec == 0);
}

TEST(lines_without_a_job_or_a_caller_are_left_out) {
        static const char *const callers[] = { NULL, "", "-1", "root", "4294967296" };
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        ClientHistoryLine line = line_of(NULL, "0");

        assert_int_equal(client_history_add(&records, &line, NULL), 0);
        for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
                line = line_of("abc", callers[i]);
                assert_int_equal(client_history_add(&records, &line, NULL), 0);
        }
        assert_int_equal(records.n, 0);
}

TEST(time_that_cannot_have_passed_is_ignored) {
        static const char *const spans[] = { "1800000000000001", "-5", "99999999999999999999",
                                             "x" };
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;

        for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
                ClientHistoryLine line = line_of("abc", "0");

                line.is_end = true;
                line.elapsed = strdup(spans[i]);
                assert_int_equal(client_history_add(&records, &line, NULL), 0);
                assert_true(records.items[i].started_usec == LOGGED);
        }
}

/* An ordinary user without the group that may. */
TEST(system_s_journal_that_cannot_be_read_is_told) {
        _cleanup_(client_records_done) ClientRecords records = RECORDS_NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int status;
        pid_t pid;

        if (geteuid() != 0)
                skip();

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setresgid(4711, 4711, 4711) < 0 ||
                    setresuid(4711, 4711, 4711) < 0)
                        _exit(2);
                _exit(client_history_read(0, &records, &error) == -EACCES &&
                                      error.kind == ERROR_ACCESS_DENIED && records.n == 0 &&
                                      strstr(error.message, "the group systemd-journal can")
                              ? 0
                              : 1);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}
