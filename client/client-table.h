/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tables for people: columns side by side, each as wide as its widest cell. */

#include <stdbool.h>
#include <stdio.h>

#include "base-cleanup.h"
#include "base-error.h"

#define TABLE_COLUMNS_MAX  ((size_t) 8)
#define TABLE_CELLS_MAX    ((size_t) 1 << 20)
#define TABLE_FLEXIBLE_MIN ((size_t) 12) /* no column is shortened to less */

typedef struct ClientTableColumn {
        const char *title;
        bool is_right;    /* aligned to the right, for numbers */
        bool is_flexible; /* may be shortened, so that a line fits */
} ClientTableColumn;

typedef struct ClientTable ClientTable;

/** client_table_new() - an empty table; @columns is borrowed; *@ret is owned by the caller */
int client_table_new(
        const ClientTableColumn *columns, size_t n_columns, ClientTable **ret, Error *error);

/** client_table_free() - release @table */
ClientTable *client_table_free(ClientTable *table);

/**
 * client_table_add() - add a row
 * @cells:      one text for each column, copied; control characters in it are replaced
 *
 * Fails only with -ENOMEM or -E2BIG.
 */
int client_table_add(ClientTable *table, const char *const cells[], Error *error);

/** client_table_add_pair() - add a row of two columns, unless @value is NULL or empty; as above */
int client_table_add_pair(ClientTable *table, const char *key, const char *value, Error *error);

/** client_table_rows() - the number of rows */
size_t client_table_rows(const ClientTable *table);

/** client_table_print() - write all rows, below the titles if @has_titles */
void client_table_print(const ClientTable *table, bool has_titles, FILE *file);

/**
 * client_table_print_wrapped() - write all rows without titles, none wider than @columns
 *
 * What does not fit of the last column continues in the next line, below its beginning; a single word moves there as a
 * whole if it fits into the line. If the other columns leave too little room, nothing is broken.
 */
void client_table_print_wrapped(const ClientTable *table, size_t columns, FILE *file);

/**
 * client_table_print_within() - like client_table_print(), in lines of at most @columns
 * @columns:    width of the terminal; SIZE_MAX if there is no limit
 *
 * The widest flexible columns are shortened: the middle of a cell becomes "…". If that does not suffice, lines are
 * longer.
 */
void client_table_print_within(
        const ClientTable *table, bool has_titles, size_t columns, FILE *file);

DEFINE_CLEANUP(ClientTable, client_table_free);
