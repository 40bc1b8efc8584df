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
        RegistryWait wait;

        for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(again[i]);

                assert_true(registry_retry_decide(&attempt, &wait));
        }
        for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(never[i]);

                assert_false(registry_retry_decide(&attempt, &wait));
        }
}

TEST(fifth_try_is_the_last) {
        RegistryAttempt attempt = attempt_with_failure(REGISTRY_FAILURE_BROKEN);
        RegistryWait wait;

        attempt.tries = 4;
        assert_true(registry_retry_decide(&attempt, &wait));
        attempt.tries = 5;
        assert_false(registry_retry_decide(&attempt, &wait));
}

TEST(wait_doubles_and_has_jitter) {
        for (unsigned tries = 1; tries < REGISTRY_TRIES_MAX; tries++) {
                const uint64_t full = REGISTRY_BACKOFF_USEC << (tries - 1);
                RegistryAttempt attempt = first;
                RegistryWait least, most;

                attempt.tries = tries;
                assert_true(registry_retry_decide(&attempt, &least));
                attempt.random = UINT32_MAX;
                assert_true(registry_retry_decide(&attempt, &most));
                assert_int_equal(least.usec, full / 2);
                assert_int_equal(most.usec, full);
        }
}

TEST(host_that_never_answered_is_given_up_soon) {
        RegistryAttempt attempt = attempt_with_failure(REGISTRY_FAILURE_UNREACHABLE);
        RegistryWait wait;
        uint64_t total_usec = 0;

        attempt.random = UINT32_MAX;
        while (registry_retry_decide(&attempt, &wait)) {
                total_usec += wait.usec;
                attempt.elapsed_usec = total_usec;
                attempt.tries++;
        }
        assert_in_range(attempt.tries, 2, REGISTRY_UNREACHED_TRIES_MAX);
        assert_in_range(total_usec, 1, REGISTRY_UNREACHED_USEC_MAX);

        attempt.tries = 1;
        attempt.elapsed_usec = REGISTRY_UNREACHED_USEC_MAX;
        assert_false(registry_retry_decide(&attempt, &wait));
        attempt.was_reached = true;
        assert_true(registry_retry_decide(&attempt, &wait));
}

TEST(refused_handshake_is_tried_again_where_one_worked_before) {
        RegistryAttempt attempt = attempt_with_failure(REGISTRY_FAILURE_HANDSHAKE);
        RegistryWait wait;

        assert_false(registry_retry_decide(&attempt, &wait));
        attempt.was_reached = true;
        assert_true(registry_retry_decide(&attempt, &wait));
}

TEST(verdicts_are_final) {
        static const RegistryFailure failures[] = {
                REGISTRY_FAILURE_CERTIFICATE,
                REGISTRY_FAILURE_FINAL,
        };
        RegistryWait wait = { .usec = 7 };

        for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
                RegistryAttempt attempt = attempt_with_failure(failures[i]);

                attempt.was_reached = true;
                assert_false(registry_retry_decide(&attempt, &wait));
                assert_int_equal(wait.usec, 7);
        }
}

TEST(retry_after_decides_over_backoff) {
        static const long statuses[] = { 429, 503 };
        RegistryWait wait;

        for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(statuses[i]);

                attempt.retry_after = 7;
                assert_true(registry_retry_decide(&attempt, &wait));
                assert_int_equal(wait.usec, 7000000);
                attempt.random = UINT32_MAX;
                assert_true(registry_retry_decide(&attempt, &wait));
                assert_int_equal(wait.usec, 7000000 + REGISTRY_JITTER_USEC);
        }
}

TEST(retry_after_of_other_statuses_or_nonsense_is_ignored) {
        static const int64_t nonsense[] = { INT64_MIN, -5, 0, 86401, INT64_MAX };
        RegistryAttempt other = attempt_with_status(500);
        RegistryWait wait;

        other.retry_after = 7;
        assert_true(registry_retry_decide(&other, &wait));
        assert_int_equal(wait.usec, REGISTRY_BACKOFF_USEC / 2);

        for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
                RegistryAttempt attempt = attempt_with_status(429);

                attempt.retry_after = nonsense[i];
                assert_true(registry_retry_decide(&attempt, &wait));
                assert_int_equal(wait.usec, REGISTRY_BACKOFF_USEC / 2);
        }
}

TEST(retry_after_is_a_number_or_a_date) {
        static const struct {
                const char *text;
                int64_t seconds;
        } cases[] = {
                { "0", 0 },
                { "12", 12 },
                { "Fri, 31 Dec 1999 23:59:59 GMT", 59 },
                { "Friday, 31-Dec-99 23:59:59 GMT", 59 },
                { "Fri Dec 31 23:59:59 1999", 59 },
                { "Fri, 31 Dec 1999 23:58:00 GMT", -60 },
                { "", 0 },
                { "soon", 0 },
                { "-5", 0 },
                { "12.5", 0 },
                { "12 s", 0 },
                { "99999999999999999999", 0 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(registry_retry_parse(cases[i].text, 946684740), cases[i].seconds);
}

TEST(whoever_asks_for_too_much_time_is_not_tried_again) {
        static const int64_t waited_for[] = { 1, 60, REGISTRY_RETRY_AFTER_MAX };
        static const int64_t refused[] = { REGISTRY_RETRY_AFTER_MAX + 1,
                                           REGISTRY_RETRY_AFTER_SANE };
        RegistryAttempt attempt = attempt_with_status(503);
        RegistryWait wait;

        for (size_t i = 0; i < sizeof(waited_for) / sizeof(waited_for[0]); i++) {
                attempt.retry_after = waited_for[i];
                assert_true(registry_retry_decide(&attempt, &wait));
                assert_int_equal(wait.usec, (uint64_t) waited_for[i] * REGISTRY_USEC_PER_SEC);
                assert_true(wait.is_asked);
        }
        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
                attempt.retry_after = refused[i];
                assert_false(registry_retry_decide(&attempt, &wait));
        }
}

static void on_wait(void *userdata, const RegistryWait *wait) {
        *(RegistryWait *) userdata = *wait;
}

TEST(wait_is_told_with_who_wants_it) {
        RegistryWait wait = { 0 };
        const RegistryWaiter waiter = { on_wait, &wait };
        RegistryAttempt attempt = { .status = 429, .retry_after = 1 };
        RegistryRetry retry;

        registry_retry_init(&retry, &waiter);
        assert_true(registry_retry_wait(&retry, attempt));
        assert_in_range(
                wait.usec, REGISTRY_USEC_PER_SEC, REGISTRY_USEC_PER_SEC + REGISTRY_JITTER_USEC);
        assert_true(wait.is_asked);

        registry_retry_init(&retry, &waiter);
        attempt.retry_after = 0;
        assert_true(registry_retry_wait(&retry, attempt));
        assert_in_range(wait.usec, REGISTRY_BACKOFF_USEC / 2, REGISTRY_BACKOFF_USEC);
        assert_false(wait.is_asked);
}

TEST(mirror_is_given_up_sooner_than_a_registry) {
        RegistryAttempt attempt = attempt_with_failure(REGISTRY_FAILURE_BROKEN);
        RegistryWait wait;

        attempt.is_mirror = true;
        assert_true(registry_retry_decide(&attempt, &wait));
        attempt.tries = 2;
        assert_false(registry_retry_decide(&attempt, &wait));

        attempt = attempt_with_failure(REGISTRY_FAILURE_UNREACHABLE);
        attempt.was_reached = true;
        assert_true(registry_retry_decide(&attempt, &wait));
        attempt.is_mirror = true;
        assert_false(registry_retry_decide(&attempt, &wait));

        attempt = attempt_with_status(503);
        attempt.is_mirror = true;
        assert_true(registry_retry_decide(&attempt, &wait));
        attempt.retry_after = 1;
        assert_false(registry_retry_decide(&attempt, &wait));
}
