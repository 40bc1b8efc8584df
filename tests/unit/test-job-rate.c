/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "job-rate.h"

#define TICK_USEC UINT64_C(250000)
#define MB        UINT64_C(1000000)

typedef struct Download {
        JobRate rate;
        uint64_t usec, bytes;
} Download;

/* Goes on for @msec at @per_sec; returns the rate at the end. */
static uint64_t go_on(Download *d, uint64_t msec, uint64_t per_sec) {
        uint64_t rate = 0;

        for (uint64_t end = d->usec + msec * 1000; d->usec < end;) {
                d->usec += TICK_USEC;
                d->bytes += per_sec * TICK_USEC / 1000000;
                rate = job_rate_update(&d->rate, d->usec, d->bytes);
        }
        return rate;
}

static Download begin(void) {
        Download d = { .usec = 77, .bytes = 5 * MB };

        assert_int_equal(job_rate_update(&d.rate, d.usec, d.bytes), 0);
        return d;
}

TEST(even_download_has_its_speed_from_the_beginning) {
        Download d = begin();

        assert_in_range(go_on(&d, 250, MB), MB - 1, MB);
        assert_in_range(go_on(&d, 10000, MB), MB - 9, MB);
}

/* What was there before the first sample was not downloaded. */
TEST(first_sample_is_where_it_begins) {
        Download d = begin();

        assert_int_equal(go_on(&d, 1000, 0), 0);
}

TEST(change_is_followed_within_a_few_time_constants) {
        Download d = begin();
        uint64_t rate;

        (void) go_on(&d, 10000, MB);
        rate = go_on(&d, JOB_RATE_USEC / 1000, 3 * MB);
        assert_in_range(rate, 2 * MB, 5 * MB / 2);
        assert_in_range(go_on(&d, 5 * JOB_RATE_USEC / 1000, 3 * MB), 29 * MB / 10, 3 * MB);
}

TEST(burst_is_smoothed) {
        Download d = begin();

        (void) go_on(&d, 10000, MB);
        assert_in_range(go_on(&d, 250, 10 * MB), MB, 2 * MB);
}

TEST(pause_makes_it_zero_and_does_not_count_afterwards) {
        Download d = begin();

        (void) go_on(&d, 10000, MB);
        assert_in_range(go_on(&d, JOB_RATE_USEC / 1000 - 250, 0), MB / 5, MB / 2);
        assert_int_equal(go_on(&d, 250, 0), 0);
        assert_int_equal(go_on(&d, 60000, 0), 0);
        assert_in_range(go_on(&d, 250, MB), MB - 9, MB);
}

TEST(fewer_bytes_than_before_are_no_speed) {
        Download d = begin();
        uint64_t rate = go_on(&d, 5000, MB);

        d.bytes = 0;
        assert_in_range(go_on(&d, 250, 0), 1, rate - 1);
        assert_in_range(go_on(&d, 20000, MB), MB - 5000, MB);
}

TEST(sample_of_the_same_time_changes_nothing) {
        Download d = begin();
        uint64_t rate = go_on(&d, 1000, MB);

        assert_int_equal(job_rate_update(&d.rate, d.usec, d.bytes + MB), rate);
        assert_int_equal(job_rate_update(&d.rate, d.usec - 1, d.bytes + MB), rate);
}
