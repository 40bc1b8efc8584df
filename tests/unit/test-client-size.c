/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-size.h"

TEST(suffixes_are_powers_of_1024) {
        static const struct {
                const char *text;
                uint64_t bytes;
        } sizes[] = {
                { "0", 0 },
                { "1", 1 },
                { "7B", 7 },
                { "5G", UINT64_C(5) << 30 },
                { "5g", UINT64_C(5) << 30 },
                { "5GB", UINT64_C(5) << 30 },
                { "5GiB", UINT64_C(5) << 30 },
                { "5gib", UINT64_C(5) << 30 },
                { "512MiB", UINT64_C(512) << 20 },
                { "3K", 3072 },
                { "2T", UINT64_C(2) << 40 },
                { "1P", UINT64_C(1) << 50 },
                { "15E", UINT64_C(15) << 60 },
                { "18446744073709551615", UINT64_MAX },
        };

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                uint64_t bytes;

                assert_int_equal(client_size_parse(sizes[i].text, &bytes, NULL), 0);
                assert_true(bytes == sizes[i].bytes);
        }
}

TEST(what_is_no_size_is_named_and_leaves_the_output) {
        static const char *const texts[] = {
                "",    "G",    "-1",    "5X",  " 5G",
                "5 G", "5GBB", "5GiBx", "5Gi", "1.5G",
                "BiB", "5BiB", "16E",   "0x5", "18446744073709551616",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                uint64_t bytes = 42;

                assert_int_equal(client_size_parse(texts[i], &bytes, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_INVALID_OPTION);
                assert_non_null(strstr(error.message, texts[i]));
                assert_true(bytes == 42);
        }
}

TEST(sizes_are_printed_with_one_decimal) {
        static const struct {
                uint64_t bytes;
                const char *text;
        } sizes[] = {
                { 0, "0B" },
                { 1023, "1023B" },
                { 1024, "1.0K" },
                { 1536, "1.5K" },
                { (1 << 20) - 1, "1023.9K" },
                { UINT64_C(5) << 30, "5.0G" },
                { UINT64_MAX, "15.9E" },
        };

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                char text[SIZE_TEXT_MAX];

                assert_string_equal(client_size_format(sizes[i].bytes, text), sizes[i].text);
        }
}
