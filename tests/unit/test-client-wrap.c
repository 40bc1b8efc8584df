/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "client-wrap.h"

static void expect_print(const char *text, size_t columns, size_t indent, const char *expected) {
        char *printed;
        size_t size;
        FILE *file = open_memstream(&printed, &size);

        assert_non_null(file);
        client_wrap_print(text, columns, indent, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(printed, expected);
        free(printed);
}

TEST(lines_end_at_blanks_before_they_are_too_long) {
        expect_print("", 10, 2, "\n");
        expect_print("one two", 10, 2, "one two\n");
        expect_print("one two three", 7, 2, "one two\n  three\n");
        expect_print("one two three", 8, 0, "one two\nthree\n");
        expect_print("one   two", 5, 1, "one\n two\n");
        expect_print("one ", 3, 1, "one\n");
}

TEST(word_that_is_too_long_is_cut) {
        expect_print("abcdefgh ij", 3, 1, "abc\n def\n gh\n ij\n");
        expect_print("ab", 0, 0, "a\nb\n");
}

TEST(columns_are_counted_and_not_bytes) {
        assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
        expect_print("ääää öö", 7, 0, "ääää öö\n");
        expect_print("ääää öö", 6, 0, "ääää\nöö\n");
        expect_print("漢字漢字", 5, 0, "漢字\n漢字\n");
        expect_print("e\u0301e\u0301 x", 4, 0, "e\u0301e\u0301 x\n");
}

TEST(only_a_terminal_has_columns) {
        FILE *file = tmpfile();

        assert_non_null(file);
        assert_true(client_wrap_columns(fileno(file)) == SIZE_MAX);
        (void) fclose(file);
}
