/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "base-number.h"

#define UNTOUCHED UINT64_C(42)

typedef struct Row {
        const char *text;
        uint64_t max;
        int result; /* of taking it off the front */
        uint64_t value;
        const char *rest;
} Row;

static const Row rows[] = {
        { "0", UINT64_MAX, 0, 0, "" },
        { "7", 7, 0, 7, "" },
        { "8", 7, -ERANGE, UNTOUCHED, "8" },
        { "1", 0, -ERANGE, UNTOUCHED, "1" },
        { "0", 0, 0, 0, "" },
        { "00012", 12, 0, 12, "" },
        { "65535", 65535, 0, 65535, "" },
        { "65536", 65535, -ERANGE, UNTOUCHED, "65536" },
        { "70000", 65535, -ERANGE, UNTOUCHED, "70000" },
        { "4294967295", UINT32_MAX, 0, UINT32_MAX, "" },
        { "4294967296", UINT32_MAX, -ERANGE, UNTOUCHED, "4294967296" },
        { "9223372036854775807", INT64_MAX, 0, INT64_MAX, "" },
        { "9223372036854775808", INT64_MAX, -ERANGE, UNTOUCHED, "9223372036854775808" },
        { "18446744073709551615", UINT64_MAX, 0, UINT64_MAX, "" },
        { "18446744073709551615", UINT64_MAX - 1, -ERANGE, UNTOUCHED, "18446744073709551615" },
        { "18446744073709551616", UINT64_MAX, -ERANGE, UNTOUCHED, "18446744073709551616" },
        { "184467440737095516150", UINT64_MAX, -ERANGE, UNTOUCHED, "184467440737095516150" },
        { "000000000000000000000000000001", UINT64_MAX, 0, 1, "" },
        { "12:34", UINT64_MAX, 0, 12, ":34" },
        { "12 ", UINT64_MAX, 0, 12, " " },
        { "1.5", UINT64_MAX, 0, 1, ".5" },
        { "0x10", UINT64_MAX, 0, 0, "x10" },
        { "99x", 7, -ERANGE, UNTOUCHED, "99x" },
        { "", UINT64_MAX, -EINVAL, UNTOUCHED, "" },
        { "-1", UINT64_MAX, -EINVAL, UNTOUCHED, "-1" },
        { "+1", UINT64_MAX, -EINVAL, UNTOUCHED, "+1" },
        { " 1", UINT64_MAX, -EINVAL, UNTOUCHED, " 1" },
        { "x", UINT64_MAX, -EINVAL, UNTOUCHED, "x" },
        { "/", UINT64_MAX, -EINVAL, UNTOUCHED, "/" },               /* before '0' */
        { ":", UINT64_MAX, -EINVAL, UNTOUCHED, ":" },               /* after '9' */
        { "\xd9\xa1", UINT64_MAX, -EINVAL, UNTOUCHED, "\xd9\xa1" }, /* a digit in another script */
};

TEST(number_is_taken_off_the_front) {
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                const char *rest = rows[i].text;
                uint64_t value = UNTOUCHED;
                int r = number_take(&rest, rows[i].max, &value);

                if (r != rows[i].result || value != rows[i].value ||
                    strcmp(rest, rows[i].rest) != 0)
                        fail_msg("row %zu, \"%s\": %d", i, rows[i].text, r);
        }
}

TEST(text_has_to_be_a_number_and_nothing_else) {
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                const bool has_more = rows[i].result == 0 && rows[i].rest[0] != '\0';
                uint64_t value = UNTOUCHED;
                int r = number_parse(rows[i].text, rows[i].max, &value);

                if (r != (has_more ? -EINVAL : rows[i].result) ||
                    value != (has_more ? UNTOUCHED : rows[i].value))
                        fail_msg("row %zu, \"%s\": %d", i, rows[i].text, r);
        }
}

TEST(no_byte_past_the_size_is_looked_at) {
        static const struct {
                size_t size;
                ssize_t result;
                uint64_t value;
        } cases[] = {
                { 0, -EINVAL, UNTOUCHED },
                { 1, 1, 1 },
                { 2, 2, 12 },
                { 3, 3, 123 },
                { 4, -ERANGE, UNTOUCHED },
                { 5, -ERANGE, UNTOUCHED },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const size_t size = cases[i].size;
                char *text = malloc(size > 0 ? size : 1); /* sanitizers see what is read behind */
                uint64_t value = UNTOUCHED;

                assert_non_null(text);
                memcpy(text, "12345", size);
                assert_int_equal(number_scan(text, size, 999, &value), cases[i].result);
                assert_true(value == cases[i].value);
                free(text);
        }
}
