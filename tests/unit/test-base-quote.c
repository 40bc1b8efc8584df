/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <string.h>

#include "base-quote.h"

static void printable_text_stays_as_it_is(void **state) {
        char quoted[TEXT_QUOTE_MAX];

        assert_string_equal(text_quote("", quoted), "");
        assert_string_equal(text_quote("a b/~", quoted), "a b/~");
}

static void control_characters_and_other_bytes_become_question_marks(void **state) {
        char quoted[TEXT_QUOTE_MAX];

        assert_string_equal(text_quote("\x1b[31m\n\x7f\xc3\xa9", quoted), "?[31m????");
}

static void long_text_is_cut_with_dots(void **state) {
        char text[TEXT_QUOTE_MAX + 1] = { 0 }, quoted[TEXT_QUOTE_MAX];

        memset(text, 'x', TEXT_QUOTE_MAX - 1);
        assert_string_equal(text_quote(text, quoted), text);

        text[TEXT_QUOTE_MAX - 1] = 'x';
        text_quote(text, quoted);
        assert_int_equal(strlen(quoted), TEXT_QUOTE_MAX - 1);
        assert_string_equal(quoted + TEXT_QUOTE_MAX - 5, "x...");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(printable_text_stays_as_it_is),
                CASE(control_characters_and_other_bytes_become_question_marks),
                CASE(long_text_is_cut_with_dots),
        };

        return cmocka_run_group_tests_name("base-quote", tests, NULL, NULL);
}
