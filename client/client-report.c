/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-text.h"
#include "client-json.h"
#include "client-report.h"

/* No string contains this, since quotes in strings are escaped. */
#define NO_TAGS "\"RepoTags\":[]"
#define INDENT  4

static void print_tags(const ClientTags *tags, FILE *file) {
        ClientJson json = JSON_INIT(file);

        (void) fputs("\"RepoTags\":", file);
        client_json_array_begin(&json, NULL);
        for (size_t i = 0; i < tags->n_names; i++)
                client_json_string(&json, NULL, tags->names[i]);
        client_json_array_end(&json);
}

/* @size bytes of the report, from behind its first brace on, with its tags. */
static void print_members(const ClientReport *report, const char *text, size_t size, FILE *file) {
        const char *end = text + size;
        const char *no_tags = report->tags ? strstr(text, NO_TAGS) : NULL;

        if (no_tags) {
                (void) fwrite(text, 1, (size_t) (no_tags - text), file);
                print_tags(report->tags, file);
                text = no_tags + strlen(NO_TAGS);
        }
        (void) fwrite(text, 1, (size_t) (end - text), file);
}

/* The report with its additions, still as it came. */
static void print_parts(const ClientReport *report, const char *text, FILE *file) {
        const bool is_empty = text[1] == '}';
        const size_t size = strlen(text + 1);
        ClientJson json = JSON_INIT(file);

        (void) fputc('{', file);
        if (report->name) {
                (void) fputs("\"Name\":", file);
                client_json_string(&json, NULL, report->name);
                (void) fputs(is_empty ? "" : ",", file);
        }
        if (!report->own) {
                print_members(report, text + 1, size, file);
                return;
        }

        print_members(report, text + 1, size - 1, file);
        (void) fprintf(
                file, "%s\"virt-bootstrap\":%s}", is_empty && !report->name ? "" : ",",
                report->own);
}

/* What is being written. */
typedef struct Output {
        FILE *file; /* borrowed */
        bool is_indented;
        unsigned depth;
} Output;

static void break_line(const Output *output) {
        if (!output->is_indented)
                return;

        (void) fprintf(output->file, "\n%*s", (int) (INDENT * output->depth), "");
}

/* A string, from its opening quote on; returns what follows it. */
static const char *print_string(const Output *output, const char *text) {
        bool is_escaped = false;

        (void) fputc(*text++, output->file);
        while (*text != '\0') {
                uint32_t c = 0;
                size_t n = text_character(text, &c);

                if (n == 0)
                        (void) fputs("\\ufffd", output->file);
                else if (text_is_control(c))
                        (void) fprintf(output->file, "\\u%04x", c);
                else
                        (void) fwrite(text, 1, n, output->file);
                text += n > 0 ? n : 1;

                if (c == '"' && !is_escaped)
                        break;
                is_escaped = c == '\\' && !is_escaped;
        }

        return text;
}

/* Between strings, JSON is ASCII. Returns what follows. */
static const char *print_structure(Output *output, const char *text) {
        const char c = *text;

        if ((c == '{' || c == '[') && (text[1] == '}' || text[1] == ']')) {
                (void) fwrite(text, 1, 2, output->file);
                return text + 2;
        }

        if (c == '}' || c == ']') {
                output->depth -= output->depth > 0;
                break_line(output);
        }
        if (c > ' ' && c <= '~')
                (void) fputc(c, output->file);
        if (c == '{' || c == '[')
                output->depth++;
        if (c == '{' || c == '[' || c == ',')
                break_line(output);
        if (c == ':' && output->is_indented)
                (void) fputc(' ', output->file);
        return text + 1;
}

static void print_safely(const char *text, bool is_indented, FILE *file) {
        Output output = { .file = file, .is_indented = is_indented };

        while (*text != '\0')
                text = *text == '"' ? print_string(&output, text) : print_structure(&output, text);
        (void) fputc('\n', file);
        (void) fflush(file);
}

int client_report_print(const ClientReport *report, bool is_indented, FILE *file, Error *error) {
        _cleanup_(freep) char *text = NULL, *whole = NULL;
        size_t size = 0;
        FILE *parts;

        if (report->size < 2 || report->text[0] != '{' ||
            (report->own && report->text[report->size - 1] != '}') ||
            memchr(report->text, '\0', report->size))
                return error_set(
                        error, EBADMSG, ERROR_FAILED,
                        "The daemon's description of the image is not a JSON object");

        text = strndup(report->text, report->size);
        parts = text ? open_memstream(&whole, &size) : NULL;
        if (!parts)
                return error_oom(error);

        print_parts(report, text, parts);
        if (fclose(parts) != 0)
                return error_oom(error);

        print_safely(whole, is_indented, file);
        return 0;
}
