/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-text.h"
#include "client-layout.h"
#include "client-wrap.h"

static char *lay_out(const char *text) {
        char *printed;
        size_t size;
        FILE *file = open_memstream(&printed, &size);

        assert_non_null(file);
        client_layout_print(text, file);
        assert_int_equal(fclose(file), 0);
        return printed;
}

static void expect_layout(const char *text, const char *expected) {
        char *printed = lay_out(text);

        assert_string_equal(printed, expected);
        free(printed);
}

TEST(what_fits_stays_as_it_is) {
        static const char text[] =
                "Title:\n"
                "\n"
                "  -a, --all                   All of it\n"
                "      --uidmap START:TARGET:COUNT\n"
                "      --idmap START:TARGET:COUNT\n"
                "                              Map\n"
                "A sentence.\n";

        expect_layout(text, text);
}

TEST(long_descriptions_go_on_below_their_beginning) {
        expect_layout(
                "Title:\n"
                "  -a          One two three four five six seven eight nine ten eleven twelve thirteen "
                "fourteen\n"
                "  -b          x\n"
                "              y\n",
                "Title:\n"
                "  -a          One two three four five six seven eight nine ten eleven twelve\n"
                "              thirteen fourteen\n"
                "  -b          x\n"
                "              y\n");
}

TEST(what_goes_on_in_the_text_is_filled_up_to_the_edge) {
        expect_layout(
                "  --option                One\n"
                "                          two\n"
                "  --other                 x\n",
                "  --option                One two\n"
                "  --other                 x\n");
}

TEST(option_that_reaches_into_the_descriptions_has_a_line_of_its_own) {
        expect_layout(
                "  -a      x\n"
                "  --longer  y z\n",
                "  -a      x\n"
                "  --longer\n"
                "          y z\n");
}

TEST(paragraphs_and_options_without_end_are_broken) {
        char *printed = lay_out(
                "Ein sehr langer Satz, der in keiner Sprache der Welt noch auf eine einzige Zeile passen würde.\n"
                "  command [--option VALUE] [--other VALUE] [--another VALUE] [--one-more VALUE] ARGUMENT…  Text\n");
        char *rest = printed, *line;

        while ((line = strsep(&rest, "\n")) != NULL)
                assert_true(text_columns(line) <= WRAP_HELP_COLUMNS);
        free(printed);
}

TEST(wide_characters_are_aligned) {
        assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
        expect_layout(
                "  -漢字       a\n"
                "  -ä  b\n",
                "  -漢字       a\n"
                "  -ä          b\n");
}
