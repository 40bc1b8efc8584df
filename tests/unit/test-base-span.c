/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>

#include "base-span.h"

#define SECOND UINT64_C(1000000)

/* The examples of systemd.time(7), and what it says of units. */
TEST(spans_are_read_as_systemd_reads_them) {
        static const struct {
                const char *text;
                uint64_t usec;
        } cases[] = {
                { "2 h", 7200 * SECOND },
                { "2hours", 7200 * SECOND },
                { "48hr", 172800 * SECOND },
                { "1y 12month", 2 * 31557600 * SECOND },
                { "55s500ms", 55 * SECOND + 500000 },
                { "300ms20s 5day", (5 * 86400 + 20) * SECOND + 300000 },
                { "0", 0 },
                { "30", 30 * SECOND },
                { "1h30min", 5400 * SECOND },
                { " 1h 30 ", 3630 * SECOND },
                { "1.5d", 129600 * SECOND },
                { "0.25", 250000 },
                { "2m", 120 * SECOND },
                { "1M", 2629800 * SECOND },
                { "3w", 1814400 * SECOND },
                { "7us", 7 },
                { "7µs", 7 },
                { "7μs", 7 },
                { "infinity", SPAN_INFINITY },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t usec = 1;

                assert_int_equal(span_parse(cases[i].text, &usec), 0);
                if (usec != cases[i].usec)
                        fail_msg("%s: %ju", cases[i].text, (uintmax_t) usec);
        }
}

TEST(what_is_no_span_is_refused) {
        static const char *const cases[] = {
                "",   " ",     "h",    "-1",         "+1",    "1k",   "1 fortnight", "1.",
                ".5", "1..5h", "1,5h", "infinity 1", "1 h x", "0x10", "1h-30min",
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t usec = 42;

                if (span_parse(cases[i], &usec) != -EINVAL)
                        fail_msg("\"%s\" is taken", cases[i]);
                assert_int_equal(usec, 42);
        }
}

TEST(span_that_is_too_long_is_out_of_range) {
        uint64_t usec;

        assert_int_equal(span_parse("18446744073709551616", &usec), -ERANGE);
        assert_int_equal(span_parse("600000y", &usec), -ERANGE);
        assert_int_equal(span_parse("500000y 500000y", &usec), -ERANGE);
        assert_int_equal(span_parse("18446744073709551615us", &usec), -ERANGE);
}
