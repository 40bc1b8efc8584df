/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "client-table.h"

static const ClientTableColumn columns[] = { { "NAME" }, { "SIZE", .is_right = true }, { "TEXT" } };

static void expect_print(const ClientTable *table, bool has_titles, const char *expected) {
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        client_table_print(table, has_titles, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(text, expected);
        free(text);
}

TEST(columns_are_as_wide_as_their_widest_cell) {
        _cleanup_(client_table_freep) ClientTable *table = NULL;

        assert_int_equal(client_table_new(columns, 3, &table, NULL), 0);
        assert_int_equal(
                client_table_add(table, (const char *const[]){ "böse", "7", "x" }, NULL), 0);
        assert_int_equal(
                client_table_add(table, (const char *const[]){ "longer", "12345", "" }, NULL), 0);
        assert_int_equal(client_table_rows(table), 2);
        expect_print(
                table, true,
                "NAME    SIZE TEXT\n"
                "böse       7 x\n"
                "longer 12345 \n");
}

TEST(titles_can_be_left_out_and_then_take_no_room) {
        _cleanup_(client_table_freep) ClientTable *table = NULL;

        assert_int_equal(client_table_new(columns, 3, &table, NULL), 0);
        assert_int_equal(client_table_add(table, (const char *const[]){ "a", "1", "b" }, NULL), 0);
        expect_print(table, false, "a 1 b\n");
}

TEST(cells_cannot_steer_the_terminal) {
        _cleanup_(client_table_freep) ClientTable *table = NULL;

        assert_int_equal(client_table_new(columns, 3, &table, NULL), 0);
        assert_int_equal(
                client_table_add(table, (const char *const[]){ "\033[2J", "1\n2", "c" }, NULL), 0);
        expect_print(table, false, "?[2J 1 2 c\n");
}

TEST(last_column_goes_on_in_the_next_line) {
        static const ClientTableColumn pairs[] = { { "", .is_right = true }, { "" } };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_int_equal(client_table_new(pairs, 2, &table, NULL), 0);
        assert_int_equal(
                client_table_add_pair(table, "A:", "one two three four five six", NULL), 0);
        assert_int_equal(client_table_add_pair(table, "Long:", "x", NULL), 0);
        client_table_print_wrapped(table, 27, file);
        client_table_print_wrapped(table, 10, file);
        client_table_print_wrapped(table, SIZE_MAX, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(
                text,
                "   A: one two three four\n"
                "      five six\n"
                "Long: x\n"
                "   A: one two three four five six\n"
                "Long: x\n"
                "   A: one two three four five six\n"
                "Long: x\n");
        free(text);
}

static const ClientTableColumn flexible[] = {
        { "ID" },
        { "SOURCE", .is_flexible = true },
        { "DESTINATION", .is_flexible = true },
};

static void expect_within(const ClientTable *table, size_t width, const char *expected) {
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        client_table_print_within(table, true, width, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(text, expected);
        free(text);
}

TEST(lines_that_are_too_long_lose_the_middle_of_their_longest_cells) {
        _cleanup_(client_table_freep) ClientTable *table = NULL;

        assert_int_equal(client_table_new(flexible, 3, &table, NULL), 0);
        assert_int_equal(
                client_table_add(
                        table,
                        (const char *const[]){ "1", "docker://registry.example.org/ümläut:latest",
                                               "/srv/x" },
                        NULL),
                0);
        expect_within(
                table, 40,
                "ID SOURCE                    DESTINATION\n"
                "1  docker://reg…mläut:latest /srv/x\n");
        expect_within(
                table, 58,
                "ID SOURCE                                      DESTINATION\n"
                "1  docker://registry.example.org/ümläut:latest /srv/x\n");
        expect_within(
                table, SIZE_MAX,
                "ID SOURCE                                      DESTINATION\n"
                "1  docker://registry.example.org/ümläut:latest /srv/x\n");
}

TEST(no_column_is_shortened_beyond_recognition) {
        _cleanup_(client_table_freep) ClientTable *table = NULL;

        assert_int_equal(client_table_new(flexible, 3, &table, NULL), 0);
        assert_int_equal(
                client_table_add(
                        table,
                        (const char *const[]){ "1", "0123456789abcdef", "/0123456789abcdef" },
                        NULL),
                0);
        expect_within(
                table, 1,
                "ID SOURCE       DESTINATION\n"
                "1  012345…bcdef /01234…bcdef\n");
}

TEST(word_that_fits_into_a_line_is_not_cut) {
        static const ClientTableColumn pairs[] = { { "", .is_right = true }, { "" } };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_int_equal(client_table_new(pairs, 2, &table, NULL), 0);
        assert_int_equal(
                client_table_add_pair(table, "A:", "sha256:0123456789abcdef0123", NULL), 0);
        client_table_print_wrapped(table, 28, file);
        client_table_print_wrapped(table, 26, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(
                text,
                "A: \n"
                " sha256:0123456789abcdef0123\n"
                "A: sha256:0123456789abcdef\n"
                "   0123\n");
        free(text);
}

TEST(many_rows_fit) {
        _cleanup_(client_table_freep) ClientTable *table = NULL;

        assert_int_equal(client_table_new(columns, 3, &table, NULL), 0);
        for (size_t i = 0; i < 1000; i++)
                assert_int_equal(
                        client_table_add(table, (const char *const[]){ "a", "b", "c" }, NULL), 0);
        assert_int_equal(client_table_rows(table), 1000);
}
