/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "registry-retry.h"

static const RegistryAttempt first = { .tries = 1, .status = 503 };

static RegistryAttempt attempt_with_status(long status) {
        RegistryAttempt attempt = first;

        attempt.status = status;
        return attempt;
}

static RegistryAttempt attempt_with_failure(RegistryFailure failure) {
        RegistryAttempt attempt = first;

        attempt.failure = failure;
        return attempt;
}

TEST(only_temporary_statuses_are_tried_again) {
        static const long again[] = { 408, 429, 500, 502, 503, 504, 599 };
        static const long never[] = { 200, 204, 304, 400, 401, 403, 404, 416, 418, 501, 600 };
        uint64_t wait_usec;

        for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(again[i]);

                assert_true(registry_retry_decide(&attempt, &wait_usec));
        }
        for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(never[i]);

                assert_false(registry_retry_decide(&attempt, &wait_usec));
        }
}

TEST(fifth_try_is_the_last) {
        RegistryAttempt attempt = attempt_with_failure(REGISTRY_FAILURE_BROKEN);
        uint64_t wait_usec;

        attempt.tries = 4;
        assert_true(registry_retry_decide(&attempt, &wait_usec));
        attempt.tries = 5;
        assert_false(registry_retry_decide(&attempt, &wait_usec));
}

TEST(wait_doubles_and_has_jitter) {
        for (unsigned tries = 1; tries < REGISTRY_TRIES_MAX; tries++) {
                const uint64_t full = REGISTRY_BACKOFF_USEC << (tries - 1);
                RegistryAttempt attempt = first;
                uint64_t least, most;

                attempt.tries = tries;
                assert_true(registry_retry_decide(&attempt, &least));
                attempt.random = UINT32_MAX;
                assert_true(registry_retry_decide(&attempt, &most));
                assert_int_equal(least, full / 2);
                assert_int_equal(most, full);
        }
}

TEST(host_that_never_answered_is_given_up_soon) {
        RegistryAttempt attempt = attempt_with_failure(REGISTRY_FAILURE_UNREACHABLE);
        uint64_t wait_usec, total_usec = 0;

        attempt.random = UINT32_MAX;
        while (registry_retry_decide(&attempt, &wait_usec)) {
                total_usec += wait_usec;
                attempt.elapsed_usec = total_usec;
                attempt.tries++;
        }
        assert_in_range(attempt.tries, 2, REGISTRY_UNREACHED_TRIES_MAX);
        assert_in_range(total_usec, 1, REGISTRY_UNREACHED_USEC_MAX);

        attempt.tries = 1;
        attempt.elapsed_usec = REGISTRY_UNREACHED_USEC_MAX;
        assert_false(registry_retry_decide(&attempt, &wait_usec));
        attempt.was_reached = true;
        assert_true(registry_retry_decide(&attempt, &wait_usec));
}

TEST(refused_handshake_is_tried_again_where_one_worked_before) {
        RegistryAttempt attempt = attempt_with_failure(REGISTRY_FAILURE_HANDSHAKE);
        uint64_t wait_usec;

        assert_false(registry_retry_decide(&attempt, &wait_usec));
        attempt.was_reached = true;
        assert_true(registry_retry_decide(&attempt, &wait_usec));
}

TEST(verdicts_are_final) {
        static const RegistryFailure failures[] = {
                REGISTRY_FAILURE_CERTIFICATE,
                REGISTRY_FAILURE_FINAL,
        };
        uint64_t wait_usec = 7;

        for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
                RegistryAttempt attempt = attempt_with_failure(failures[i]);

                attempt.was_reached = true;
                assert_false(registry_retry_decide(&attempt, &wait_usec));
                assert_int_equal(wait_usec, 7);
        }
}

TEST(retry_after_decides_over_backoff) {
        static const long statuses[] = { 429, 503 };
        uint64_t wait_usec;

        for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(statuses[i]);

                attempt.retry_after = 7;
                assert_true(registry_retry_decide(&attempt, &wait_usec));
                assert_int_equal(wait_usec, 7000000);
                attempt.random = UINT32_MAX;
                assert_true(registry_retry_decide(&attempt, &wait_usec));
                assert_int_equal(wait_usec, 7000000 + REGISTRY_JITTER_USEC);
        }
}

TEST(retry_after_of_other_statuses_or_nonsense_is_ignored) {
        static const int64_t nonsense[] = { INT64_MIN, -5, 0, 86401, INT64_MAX };
        RegistryAttempt other = attempt_with_status(500);
        uint64_t wait_usec;

        other.retry_after = 7;
        assert_true(registry_retry_decide(&other, &wait_usec));
        assert_int_equal(wait_usec, REGISTRY_BACKOFF_USEC / 2);

        for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(429);

                attempt.retry_after = nonsense[i];
                assert_true(registry_retry_decide(&attempt, &wait_usec));
                assert_int_equal(wait_usec, REGISTRY_BACKOFF_USEC / 2);
        }
}

TEST(retry_after_is_capped) {
        static const struct {
                int64_t asked; /* seconds */
                uint64_t seconds;
        } cases[] = {
                { 1, 1 },
                { 60, 60 },
                { 61, REGISTRY_RETRY_AFTER_MAX },
                { 86400, REGISTRY_RETRY_AFTER_MAX },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(503);
                uint64_t wait_usec;

                attempt.retry_after = cases[i].asked;
                assert_true(registry_retry_decide(&attempt, &wait_usec));
                assert_int_equal(wait_usec, cases[i].seconds * REGISTRY_USEC_PER_SEC);
        }
}
