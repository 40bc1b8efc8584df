/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>

#include "registry-range.h"

TEST(range_of_a_known_total_is_read) {
        RegistryRange range;

        assert_int_equal(registry_range_parse("bytes 100-199/200", &range), 0);
        assert_int_equal(range.first, 100);
        assert_int_equal(range.last, 199);
        assert_int_equal(range.total, 200);
}

TEST(total_may_be_unknown) {
        RegistryRange range;

        assert_int_equal(registry_range_parse("Bytes  0-0/*", &range), 0);
        assert_int_equal(range.last, 0);
        assert_true(range.total == REGISTRY_SIZE_UNKNOWN);
}

TEST(greatest_numbers_do_not_overflow) {
        RegistryRange range;

        assert_int_equal(
                registry_range_parse("bytes 0-18446744073709551613/18446744073709551614", &range),
                0);
        assert_true(range.total == UINT64_MAX - 1);
        assert_int_equal(
                registry_range_parse("bytes 0-18446744073709551614/18446744073709551615", &range),
                -EINVAL);
        assert_int_equal(registry_range_parse("bytes 0-18446744073709551616/*", &range), -EINVAL);
}

TEST(malformed_range_is_refused) {
        static const char *const texts[] = {
                "",
                "bytes",
                "bytes */200",
                "bytes 1-/200",
                "bytes -1/200",
                "bytes 1-2",
                "bytes 1-2/",
                "bytes 2-1/200",
                "bytes 1-2/2",
                "bytes 1-2/200 ",
                "items 1-2/200",
                "bytes=1-2/200",
                "bytes 1-2/200x",
                "bytes 1 -2/3",
                "bytes +1-2/3",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                RegistryRange range = { .first = 42 };

                assert_int_equal(registry_range_parse(texts[i], &range), -EINVAL);
                assert_int_equal(range.first, 42);
        }
}
