/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Listings for people: columns side by side, as wide as their widest cell. */

#include <stdbool.h>
#include <stdio.h>

#include "base-cleanup.h"
#include "base-error.h"

#define TABLE_COLUMNS_MAX ((size_t) 8)
#define TABLE_CELLS_MAX   ((size_t) 1 << 20)

typedef struct TableColumn {
        const char *title;
        bool is_right; /* aligned to the right, as numbers are */
} TableColumn;

typedef struct Table Table;

/** table_new() - an empty table; @columns is borrowed; *@ret is owned by the caller */
int table_new(const TableColumn *columns, size_t n_columns, Table **ret, Error *error);

/** table_free() - release @table (may be NULL) */
Table *table_free(Table *table);

/**
 * table_add() - add a row
 * @cells:      one text for each column, copied; control characters in it are replaced
 *
 * Return: 0, or -ENOMEM or -E2BIG with @error set.
 */
int table_add(Table *table, const char *const cells[], Error *error);

/** table_rows() - how many rows there are */
size_t table_rows(const Table *table);

/** table_print() - write all rows, under the titles when @has_titles */
void table_print(const Table *table, bool has_titles, FILE *file);

DEFINE_CLEANUP(Table, table_free);
