/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "job-wait.h"

#define SEC USEC_PER_SEC

TEST(waits_at_the_same_time_count_once) {
        JobWaits waits = { 0 };

        assert_int_equal(job_waits_add(&waits, 100 * SEC, 12 * SEC), 12 * SEC);
        assert_int_equal(job_waits_add(&waits, 101 * SEC, 12 * SEC), 12 * SEC);
        assert_int_equal(job_waits_add(&waits, 102 * SEC, 1 * SEC), 11 * SEC);
        assert_int_equal(waits.sum_usec, 13 * SEC);
        assert_int_equal(job_waits_add(&waits, 200 * SEC, 5 * SEC), 5 * SEC);
        assert_int_equal(waits.sum_usec, 18 * SEC);
}

TEST(worker_that_always_waits_is_not_waited_for) {
        JobWaits waits = { 0 };
        uint64_t now = 1000 * SEC;

        for (uint64_t left = JOB_WAITS_MAX_USEC; left > 0; left -= 600 * SEC, now += 600 * SEC)
                assert_int_equal(job_waits_add(&waits, now, 600 * SEC), 600 * SEC);
        assert_int_equal(job_waits_add(&waits, now, 600 * SEC), 0);
        assert_int_equal(job_waits_add(&waits, now + SEC, UINT64_C(1) << 40), 0);
}

TEST(last_wait_is_shorter_than_it_says) {
        JobWaits waits = { 0 };

        assert_int_equal(
                job_waits_add(&waits, 0, JOB_WAITS_MAX_USEC - 2 * SEC),
                JOB_WAITS_MAX_USEC - 2 * SEC);
        assert_int_equal(job_waits_add(&waits, JOB_WAITS_MAX_USEC, 5 * SEC), 2 * SEC);
}
