/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base-text.h"
#include "client-table.h"
#include "client-wrap.h"

#define TABLE_WRAPPED_MIN ((size_t) 20) /* columns of a cell of several lines */

struct ClientTable {
        const ClientTableColumn *columns; /* borrowed */
        size_t n_columns;
        char **cells; /* owned, row by row */
        size_t n_cells;
        size_t n_allocated;
};

int client_table_new(
        const ClientTableColumn *columns, size_t n_columns, ClientTable **ret, Error *error) {
        ClientTable *table = malloc(sizeof(*table));

        assert(n_columns > 0 && n_columns <= TABLE_COLUMNS_MAX);

        if (!table)
                return error_oom(error);

        *table = (ClientTable){ .columns = columns, .n_columns = n_columns };
        *ret = table;
        return 0;
}

ClientTable *client_table_free(ClientTable *table) {
        if (!table)
                return NULL;

        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i]);
        free(table->cells);
        free(table);
        return NULL;
}

static int grow(ClientTable *table, Error *error) {
        size_t n = table->n_allocated * 2 + table->n_columns * 16;
        char **cells;

        if (table->n_cells + table->n_columns <= table->n_allocated)
                return 0;
        if (table->n_cells + table->n_columns > TABLE_CELLS_MAX)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED, "The listing has more than %zu rows",
                        client_table_rows(table));

        cells = reallocarray(table->cells, n, sizeof(*cells));
        if (!cells)
                return error_oom(error);

        table->cells = cells;
        table->n_allocated = n;
        return 0;
}

int client_table_add(ClientTable *table, const char *const cells[], Error *error) {
        size_t n_cells = table->n_cells;
        int r;

        r = grow(table, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < table->n_columns; i++) {
                char *cell = text_printable(cells[i]);

                if (!cell) {
                        while (table->n_cells > n_cells)
                                free(table->cells[--table->n_cells]);
                        return error_oom(error);
                }
                table->cells[table->n_cells++] = cell;
        }

        return 0;
}

int client_table_add_pair(ClientTable *table, const char *key, const char *value, Error *error) {
        assert(table->n_columns == 2);
        return value && *value ? client_table_add(table, (const char *const[]){ key, value }, error)
                               : 0;
}

size_t client_table_rows(const ClientTable *table) {
        assert(table->n_columns > 0);
        return table->n_cells / table->n_columns;
}

static void measure(
        const ClientTable *table, bool has_titles, size_t widths[static TABLE_COLUMNS_MAX]) {
        assert(table->n_columns > 0);
        for (size_t i = 0; i < table->n_columns; i++)
                widths[i] = has_titles ? text_columns(table->columns[i].title) : 0;

        for (size_t i = 0; i < table->n_cells; i++) {
                size_t width = text_columns(table->cells[i]), column = i % table->n_columns;

                if (width > widths[column])
                        widths[column] = width;
        }
}

/* The widest column that can still be shortened; NULL if there is none. */
static size_t *find_widest(const ClientTable *table, size_t widths[static TABLE_COLUMNS_MAX]) {
        size_t *widest = NULL;

        for (size_t i = 0; i < table->n_columns; i++)
                if (table->columns[i].is_flexible && widths[i] > TABLE_FLEXIBLE_MIN &&
                    (!widest || widths[i] > *widest))
                        widest = &widths[i];

        return widest;
}

static void shorten(
        const ClientTable *table, size_t columns, size_t widths[static TABLE_COLUMNS_MAX]) {
        size_t total = table->n_columns - 1, *widest;

        for (size_t i = 0; i < table->n_columns; i++)
                total += widths[i];

        while (total > columns && (widest = find_widest(table, widths))) {
                (*widest)--;
                total--;
        }
}

/* The bytes of @text that fill at most @width columns, from its beginning. */
static size_t measure_head(const char *text, size_t width) {
        size_t n = 0;

        while (text[n] != '\0') {
                size_t bytes, columns = text_character_columns(text + n, &bytes);

                if (columns > width)
                        break;
                width -= columns;
                n += bytes;
        }

        return n;
}

static void print_text(const char *text, size_t width, FILE *file) {
        size_t rest = text_columns(text);

        if (rest <= width) {
                (void) fputs(text, file);
                return;
        }

        (void) fwrite(text, 1, measure_head(text, width / 2), file);
        (void) fputs("…", file);
        while (rest > width - width / 2 - 1) {
                size_t bytes;

                rest -= text_character_columns(text, &bytes);
                text += bytes;
        }
        (void) fputs(text, file);
}

static void print_cell(
        const ClientTable *table, size_t column, const char *text, size_t width, FILE *file) {
        bool is_last = column + 1 == table->n_columns;
        size_t length = text_columns(text);
        int padding = length < width ? (int) (width - length) : 0;

        if (table->columns[column].is_right)
                (void) fprintf(file, "%*s", padding, "");
        print_text(text, width, file);
        if (!table->columns[column].is_right && !is_last)
                (void) fprintf(file, "%*s", padding, "");
        (void) fputs(is_last ? "\n" : " ", file);
}

void client_table_print_within(
        const ClientTable *table, bool has_titles, size_t columns, FILE *file) {
        size_t widths[TABLE_COLUMNS_MAX];

        assert(table->n_columns > 0);
        measure(table, has_titles, widths);
        shorten(table, columns, widths);
        for (size_t i = 0; has_titles && i < table->n_columns; i++)
                print_cell(table, i, table->columns[i].title, widths[i], file);
        for (size_t i = 0; i < table->n_cells; i++) {
                size_t column = i % table->n_columns;

                print_cell(table, column, table->cells[i], widths[column], file);
        }
}

/* A digest, say, would be useless in two pieces: a word gets a line of its own if it fits into one. */
static void print_last(const char *cell, size_t columns, size_t indent, FILE *file) {
        const size_t width = text_columns(cell);

        if (width > columns - indent && width <= columns && !strchr(cell, ' '))
                (void) fprintf(file, "\n%*s%s\n", (int) (columns - width), "", cell);
        else
                client_wrap_print(cell, columns - indent, indent, file);
}

void client_table_print_wrapped(const ClientTable *table, size_t columns, FILE *file) {
        const size_t last = table->n_columns - 1;
        size_t widths[TABLE_COLUMNS_MAX], indent = 0;

        measure(table, false, widths);
        for (size_t i = 0; i < last; i++)
                indent += widths[i] + 1;
        if (columns < indent + TABLE_WRAPPED_MIN)
                columns = SIZE_MAX;

        for (size_t i = 0; i < table->n_cells; i++) {
                if (i % table->n_columns == last)
                        print_last(table->cells[i], columns, indent, file);
                else
                        print_cell(
                                table, i % table->n_columns, table->cells[i],
                                widths[i % table->n_columns], file);
        }
}

void client_table_print(const ClientTable *table, bool has_titles, FILE *file) {
        client_table_print_within(table, has_titles, SIZE_MAX, file);
}
