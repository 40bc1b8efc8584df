/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <locale.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"

TEST(valid_utf8_is_told_from_invalid) {
        static const char *const valid[] = {
                "", "a", "ä", "€", "😀", "\x7f", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf",
        };
        static const char *const invalid[] = {
                "\x80",             /* continuation alone */
                "\xc3",             /* cut short */
                "\xe2\x82",         /* cut short */
                "\xc0\xaf",         /* overlong */
                "\xe0\x80\xaf",     /* overlong */
                "\xf0\x80\x80\xaf", /* overlong */
                "\xed\xa0\x80",     /* surrogate */
                "\xf4\x90\x80\x80", /* past U+10FFFF */
                "\xff",
        };

        for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
                assert_true(text_is_utf8(valid[i]));
        for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
                assert_false(text_is_utf8(invalid[i]));
}

TEST(columns_count_code_points) {
        assert_int_equal(text_columns(""), 0);
        assert_int_equal(text_columns("abc"), 3);
        assert_int_equal(text_columns("böse…"), 5);
}

TEST(wide_and_combining_characters_have_the_columns_that_a_terminal_gives_them) {
        assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
        assert_int_equal(text_columns("漢字"), 4);
        assert_int_equal(text_columns("e\u0301"), 1);
        assert_int_equal(text_columns("a\n\xff"), 3);
}

TEST(beginning_and_ending_fit) {
        static const char text[] = "böse…";

        assert_int_equal(text_beginning(text, 0), 0);
        assert_int_equal(text_beginning(text, 2), strlen("bö"));
        assert_int_equal(text_beginning(text, 99), strlen(text));
        assert_string_equal(text_ending(text, 0), "");
        assert_string_equal(text_ending(text, 2), "e…");
        assert_string_equal(text_ending(text, 99), text);
        assert_int_equal(text_beginning("\xff\xc3", 1), 1);

        assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
        assert_int_equal(text_beginning("日本", 3), strlen("日"));
        assert_string_equal(text_ending("日本", 3), "本");
        assert_non_null(setlocale(LC_ALL, "C"));
}

TEST(nothing_that_steers_a_terminal_is_printed) {
        static const struct {
                const char *text, *printable;
        } texts[] = {
                { "", "" },
                { "a böse €", "a böse €" },
                { "two\nlines\tand a tab", "two lines and a tab" },
                { "\033[31mred\033[0m", "?[31mred?[0m" },
                { "\r\b\x7f", "???" },
                { "c1 \xc2\x9b 31m", "c1 ? 31m" },
                { "\xff\xfe", "??" },
                { "cut \xe2\x82", "cut ??" },
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                _cleanup_(freep) char *printable = text_printable(texts[i].text);

                assert_string_equal(printable, texts[i].printable);
        }
}

TEST(printable_text_stays_as_it_is) {
        char quoted[TEXT_QUOTE_MAX];

        assert_string_equal(text_quote("", quoted), "");
        assert_string_equal(text_quote("a b/~", quoted), "a b/~");
}

TEST(control_characters_and_other_bytes_become_question_marks) {
        char quoted[TEXT_QUOTE_MAX];

        assert_string_equal(text_quote("\x1b[31m\n\x7f\xc3\xa9", quoted), "?[31m????");
}

TEST(long_text_is_cut_with_dots) {
        char text[TEXT_QUOTE_MAX + 1] = { 0 }, quoted[TEXT_QUOTE_MAX];

        memset(text, 'x', TEXT_QUOTE_MAX - 1);
        assert_string_equal(text_quote(text, quoted), text);

        text[TEXT_QUOTE_MAX - 1] = 'x';
        text_quote(text, quoted);
        assert_int_equal(strlen(quoted), TEXT_QUOTE_MAX - 1);
        assert_string_equal(quoted + TEXT_QUOTE_MAX - 5, "x...");
}
