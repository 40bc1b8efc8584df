/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "client-outcome.h"

TEST(exit_status_follows_the_result) {
        static const struct {
                const char *result;
                int status;
        } results[] = {
                { "done", 0 },      { "failed", 1 }, { "cancelled", 130 },
                { "levitated", 1 }, { NULL, 1 },
        };

        for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
                _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;

                assert_int_equal(client_outcome_set(&outcome, results[i].result, NULL, NULL), 0);
                assert_int_equal(client_outcome_status(&outcome, true), results[i].status);
        }
}

TEST(name_and_sentence_of_the_daemon_stay_as_they_are) {
        static const char *const names[] = {
                "org.virtbootstrap1.Error.NotFound",
                "org.virtbootstrap1.Error.FromTheFuture",
        };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                const sd_bus_error bus_error = SD_BUS_ERROR_MAKE_CONST(names[i], "Sentence");
                _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;

                assert_int_equal(client_outcome_set_bus_error(&outcome, &bus_error), 0);
                assert_string_equal(outcome.result, "failed");
                assert_string_equal(outcome.error, names[i]);
                assert_string_equal(outcome.message, "Sentence");
        }
}

TEST(what_the_bus_says_becomes_a_name_of_ours) {
        static const struct {
                const char *name, *error, *message;
        } errors[] = {
                { SD_BUS_ERROR_ACCESS_DENIED, "org.virtbootstrap1.Error.AccessDenied",
                  "The message bus does not allow this user to call the daemon; try --user or "
                  "--embedded" },
                { SD_BUS_ERROR_NO_REPLY, "org.virtbootstrap1.Error.Interrupted",
                  "The daemon exited without answering" },
                { "System.Error.EPIPE", "org.virtbootstrap1.Error.Interrupted",
                  "The daemon exited without answering" },
                { "org.example.Odd", "org.virtbootstrap1.Error.Failed", "Bus words" },
        };

        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
                const sd_bus_error bus_error = SD_BUS_ERROR_MAKE_CONST(errors[i].name, "Bus words");
                _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
                _cleanup_(error_clear) Error error = ERROR_NULL;

                assert_int_equal(client_outcome_set_bus_error(&outcome, &bus_error), 0);
                assert_string_equal(outcome.error, errors[i].error);
                assert_string_equal(outcome.message, errors[i].message);

                assert_true(client_error_set_bus(&error, -EIO, &bus_error) < 0);
                assert_string_equal(error_kind_to_bus_name(error.kind), errors[i].error);
                assert_string_equal(error.message, errors[i].message);
        }
}

TEST(cancellation_found_here_counts_as_one) {
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;

        (void) error_set(&error, ECANCELED, ERROR_CANCELLED, "Stopped");
        assert_int_equal(client_outcome_set_error(&outcome, &error), 0);
        assert_int_equal(client_outcome_status(&outcome, true), STATUS_CANCELLED);
}

TEST(wrong_request_is_wrong_usage_until_there_is_a_job) {
        static const ErrorKind kinds[] = { ERROR_INVALID_OPTION, ERROR_INVALID_REFERENCE };
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                const Error error = { .code = EINVAL, .kind = kinds[i] };

                assert_int_equal(client_outcome_set_error(&outcome, &error), 0);
                assert_int_equal(client_outcome_status(&outcome, false), STATUS_USAGE);
                assert_int_equal(client_outcome_status(&outcome, true), STATUS_FAILED);
        }

        const Error other = { .code = ENOENT, .kind = ERROR_NOT_FOUND };

        assert_int_equal(client_outcome_set_error(&outcome, &other), 0);
        assert_int_equal(client_outcome_status(&outcome, false), STATUS_FAILED);
}
