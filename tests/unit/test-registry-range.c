/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>

#include "registry-range.h"

static void range_of_a_known_total_is_read(void **state) {
        RegistryRange range;

        assert_int_equal(registry_range_parse("bytes 100-199/200", &range), 0);
        assert_int_equal(range.first, 100);
        assert_int_equal(range.last, 199);
        assert_int_equal(range.total, 200);
}

static void total_may_be_unknown(void **state) {
        RegistryRange range;

        assert_int_equal(registry_range_parse("Bytes  0-0/*", &range), 0);
        assert_int_equal(range.last, 0);
        assert_true(range.total == REGISTRY_SIZE_UNKNOWN);
}

static void greatest_numbers_do_not_overflow(void **state) {
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

static void malformed_range_is_refused(void **state) {
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

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(range_of_a_known_total_is_read),
                CASE(total_may_be_unknown),
                CASE(greatest_numbers_do_not_overflow),
                CASE(malformed_range_is_refused),
        };

        return cmocka_run_group_tests_name("registry-range", tests, NULL, NULL);
}
