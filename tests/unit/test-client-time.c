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
