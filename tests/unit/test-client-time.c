/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base-macro.h"
#include "client-time.h"

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOW    (UINT64_C(1800000000) * USEC_PER_SEC)

TEST(ages_are_in_the_largest_unit_that_fits) {
        static const struct {
                uint64_t usec;
                const char *text;
        } ages[] = {
                { 0, "0s" },
                { USEC_PER_SEC - 1, "0s" },
                { 59 * USEC_PER_SEC, "59s" },
                { MINUTE, "1min" },
                { HOUR - 1, "59min" },
                { HOUR, "1h" },
                { DAY - 1, "23h" },
                { DAY, "1d" },
                { 4000 * DAY, "4000d" },
        };

        for (size_t i = 0; i < N_ELEMENTS(ages); i++) {
                char text[TIME_BYTES_MAX];

                assert_string_equal(
                        client_time_format_age(NOW - ages[i].usec, NOW, text), ages[i].text);
        }
}

TEST(age_of_what_has_no_time_or_lies_in_the_future) {
        char text[TIME_BYTES_MAX];

        assert_string_equal(client_time_format_age(0, NOW, text), "-");
        assert_string_equal(client_time_format_age(NOW + HOUR, NOW, text), "0s");
        assert_string_equal(client_time_format_age(1, UINT64_MAX, text), "213503982d");
}

TEST(spans_have_at_most_two_units) {
        static const struct {
                uint64_t usec;
                const char *text;
        } spans[] = {
                { 0, "0.0s" },
                { 49999, "0.0s" },
                { 6540000, "6.5s" },
                { MINUTE - 1, "59.9s" },
                { MINUTE, "1min" },
                { 83 * USEC_PER_SEC, "1min 23s" },
                { 2 * HOUR + 5 * MINUTE + 7 * USEC_PER_SEC, "2h 5min" },
                { 2 * HOUR + 7 * USEC_PER_SEC, "2h" },
                { 3 * DAY + 4 * HOUR, "3d 4h" },
                { UINT64_MAX, "213503982d 8h" },
        };

        for (size_t i = 0; i < N_ELEMENTS(spans); i++) {
                char text[TIME_BYTES_MAX];

                assert_string_equal(client_time_format_span(spans[i].usec, text), spans[i].text);
        }
}

TEST(points_in_time_are_local) {
        char text[TIME_BYTES_MAX];

        assert_int_equal(setenv("TZ", "XYZ-2", true), 0); /* two hours east of Greenwich */
        tzset();
        assert_string_equal(
                client_time_format(UINT64_C(1800000000) * USEC_PER_SEC + 999999, text),
                "2027-01-15 10:00:00");
        assert_string_equal(
                client_time_format_clock(UINT64_C(1800000001) * USEC_PER_SEC, text), "10:00:01");
        assert_string_equal(client_time_format(0, text), "-");
        assert_string_equal(client_time_format_clock(0, text), "-");
}
