/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "client-layout.h"
#include "client-wrap.h"

#define GAP            "  "          /* before a description, at least */
#define COLUMN_DEFAULT ((size_t) 30) /* of descriptions */
#define COLUMN_MAX     ((size_t) 50)
#define SYNTAX_INDENT  ((size_t) 8) /* of what is left of a long option */

/* The entry that is being read. */
typedef struct LayoutEntry {
        FILE *file;        /* borrowed */
        size_t column;     /* where descriptions begin */
        const char *line;  /* borrowed; without its description, or NULL if there is no entry */
        char *description; /* owned; room for the whole text */
} LayoutEntry;

static size_t count_blanks(const char *text) {
        return strspn(text, " ");
}

/* Columns before the description of a line; 0 if it has none. */
static size_t measure_line(const char *line, const char *end) {
        const size_t blanks = count_blanks(line);
        const char *gap = strstr(line + blanks, GAP);
        size_t columns = 0;

        if (blanks >= LAYOUT_CONTINUED_MIN)
                return blanks;
        if (blanks == 0 || !gap || gap >= end)
                return 0;

        for (size_t n; line < gap + count_blanks(gap); line += n)
                columns += text_character_columns(line, &n);
        return columns;
}

static size_t find_column(const char *text) {
        size_t column = 0;

        for (const char *end; column == 0 && (end = strchr(text, '\n')) != NULL; text = end + 1)
                column = measure_line(text, end);
        if (column == 0)
                return COLUMN_DEFAULT;
        return column < COLUMN_MAX ? column : COLUMN_MAX;
}

static void print_entry(const LayoutEntry *entry) {
        const size_t width = text_columns(entry->line);

        if (*entry->description != '\0' && width + strlen(GAP) <= entry->column)
                (void) fprintf(
                        entry->file, "%s%*s", entry->line, (int) (entry->column - width), "");
        else {
                client_wrap_print(
                        entry->line, WRAP_HELP_COLUMNS - SYNTAX_INDENT, SYNTAX_INDENT, entry->file);
                if (*entry->description == '\0')
                        return;
                (void) fprintf(entry->file, "%*s", (int) entry->column, "");
        }
        client_wrap_print(
                entry->description, WRAP_HELP_COLUMNS - entry->column, entry->column, entry->file);
}

static void end_entry(LayoutEntry *entry) {
        if (entry->line)
                print_entry(entry);
        entry->line = NULL;
        *entry->description = '\0';
}

static void begin_entry(LayoutEntry *entry, char *line) {
        char *gap = strstr(line + count_blanks(line), GAP);

        entry->line = line;
        if (!gap)
                return;

        strcpy(entry->description, gap + count_blanks(gap));
        *gap = '\0';
}

static void read_line(LayoutEntry *entry, char *line) {
        if (entry->line && count_blanks(line) >= LAYOUT_CONTINUED_MIN) {
                strcat(entry->description, *entry->description != '\0' ? " " : "");
                strcat(entry->description, line + count_blanks(line));
                return;
        }

        end_entry(entry);
        if (count_blanks(line) > 0)
                begin_entry(entry, line);
        else
                client_wrap_print(line, WRAP_HELP_COLUMNS, 0, entry->file);
}

void client_layout_print(const char *text, FILE *file) {
        _cleanup_(freep) char *copy = strdup(text), *description = calloc(1, strlen(text) + 1);
        LayoutEntry entry = { .file = file,
                              .column = find_column(text),
                              .description = description };
        char *rest = copy, *line;

        if (!copy || !description) {
                (void) fputs(text, file);
                return;
        }

        while ((line = strsep(&rest, "\n")) != NULL && rest)
                read_line(&entry, line);
        end_entry(&entry);
}
