/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-text.h"

static char *said; /* what the parser reported, one line each */
static size_t said_size;

static void on_assign(
        void *userdata, unsigned line, const char *section, const char *key, const char *value) {
        (void) fprintf(userdata, "%u [%s] %s=%s|", line, section, key, value);
}

static void on_malformed(void *userdata, unsigned line, const char *text) {
        (void) fprintf(userdata, "%u ! %s|", line, text);
}

static void assert_parse(const char *text, const char *expected) {
        static const ConfigEvents events = { .assign = on_assign, .malformed = on_malformed };
        FILE *f = open_memstream(&said, &said_size);

        assert_non_null(f);
        config_text_parse(text, strlen(text), &events, f);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(said, expected);
        free(said);
}

TEST(assignments_have_section_and_line) {
        assert_parse("[A]\nx=1\n[B b]\n y = 2 = 3 \n", "2 [A] x=1|4 [B b] y=2 = 3|");
}

TEST(comments_and_empty_lines_are_passed_over) {
        assert_parse("# x=1\n\n; y\n[A]\n  # z\nx=#1\r\n", "6 [A] x=#1|");
}

TEST(backslash_continues_a_line) {
        assert_parse("[A]\nx=1 \\\n 2\\\n3\ny=4", "4 [A] x=1   2 3|5 [A] y=4|");
}

TEST(what_is_no_assignment_is_told) {
        assert_parse("x=1\n[A]\nfoo\n=1\n[A\n", "1 ! x=1|3 ! foo|4 ! =1|5 ! [A|");
}

TEST(last_line_needs_no_end) {
        assert_parse("[A]\nx=", "2 [A] x=|");
        assert_parse("", "");
        assert_parse("\\", "");
}

TEST(numbers_sizes_and_times) {
        static const struct {
                int (*parse)(const char *, uint64_t, uint64_t, uint64_t *);
                const char *text;
                int r;
                uint64_t value;
        } cases[] = {
                { config_parse_number, "0", 0, 0 },
                { config_parse_number, "18446744073709551615", 0, UINT64_MAX },
                { config_parse_number, "18446744073709551616", -ERANGE, 0 },
                { config_parse_number, "", -EINVAL, 0 },
                { config_parse_number, "-1", -EINVAL, 0 },
                { config_parse_number, "1K", -EINVAL, 0 },
                { config_parse_number, "0x1", -EINVAL, 0 },
                { config_parse_size, "5G", 0, UINT64_C(5) << 30 },
                { config_parse_size, "3 K", 0, 3072 },
                { config_parse_size, "7", 0, 7 },
                { config_parse_size, "99999999999T", -ERANGE, 0 },
                { config_parse_size, "1k", -EINVAL, 0 },
                { config_parse_usec, "30", 0, 30000000 },
                { config_parse_usec, "2min", 0, 120000000 },
                { config_parse_usec, "1h", 0, UINT64_C(3600000000) },
                { config_parse_usec, "1h 30min", 0, UINT64_C(5400000000) },
                { config_parse_usec, "infinity", 0, UINT64_MAX },
                { config_parse_usec, "1 fortnight", -EINVAL, 0 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t value = 0;

                assert_int_equal(cases[i].parse(cases[i].text, 0, UINT64_MAX, &value), cases[i].r);
                assert_true(value == cases[i].value);
        }
}

TEST(number_out_of_range_leaves_the_value) {
        uint64_t value = 42;

        assert_int_equal(config_parse_number("11", 1, 10, &value), -ERANGE);
        assert_int_equal(config_parse_number("0", 1, 10, &value), -ERANGE);
        assert_int_equal(config_parse_usec("11us", 1, 10, &value), -ERANGE);
        assert_int_equal(value, 42);
}

TEST(booleans) {
        assert_int_equal(config_parse_boolean("Yes"), 1);
        assert_int_equal(config_parse_boolean("on"), 1);
        assert_int_equal(config_parse_boolean("0"), 0);
        assert_int_equal(config_parse_boolean("maybe"), -EINVAL);
}
