/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "oci-registry-error.h"

#define CUT "..."

static const char *const other_keys[] = { "details", "message", "error" };

/* A text under construction. */
typedef struct ErrorLine {
        char *text; /* borrowed, OCI_REGISTRY_ERROR_MAX bytes */
        size_t size;
        bool is_cut;
} ErrorLine;

static void line_add_char(ErrorLine *line, char c) {
        if (line->size + sizeof(CUT) < OCI_REGISTRY_ERROR_MAX)
                line->text[line->size++] = c;
        else
                line->is_cut = true;
}

static void line_add(ErrorLine *line, const char *text) {
        bool in_blank = line->size == 0 || line->text[line->size - 1] == ' ';

        for (; *text != '\0' && !line->is_cut; text++) {
                uint8_t c = (uint8_t) *text;
                bool is_blank = c <= ' ' || c == 0x7f;

                if (is_blank && !in_blank)
                        line_add_char(line, ' ');
                else if (!is_blank && c < 0x80)
                        line_add_char(line, *text);
                else if (c >= 0xc0) /* one for all bytes of a character */
                        line_add_char(line, '?');
                in_blank = is_blank;
        }
}

static void line_finish(ErrorLine *line) {
        while (line->size > 0 && line->text[line->size - 1] == ' ')
                line->size--;

        stpcpy(line->text + line->size, line->is_cut ? CUT : "");
}

/* The specification wants a list; some send a single object. */
static const json_t *first_error(const json_t *body) {
        const json_t *errors = json_object_get(body, "errors");

        return json_is_array(errors) ? json_array_get(errors, 0) : errors;
}

static void add_error(ErrorLine *line, const json_t *item) {
        const char *code = json_string_value(json_object_get(item, "code"));
        const char *message = json_string_value(json_object_get(item, "message"));

        if (code)
                line_add(line, code);
        if (message && message[0] != '\0') {
                if (line->size > 0)
                        line_add(line, ": ");
                line_add(line, message);
        }
}

bool oci_registry_error_parse(
        const void *data, size_t size, char ret[static OCI_REGISTRY_ERROR_MAX]) {
        _cleanup_(json_decrefp) json_t *body = NULL;
        ErrorLine line = { .text = ret };

        if (size <= OCI_REGISTRY_ERROR_DOCUMENT_MAX)
                body = json_loadb(data, size, JSON_ALLOW_NUL, NULL);

        add_error(&line, first_error(body));
        for (size_t i = 0; i < N_ELEMENTS(other_keys) && line.size == 0; i++) {
                const char *text = json_string_value(json_object_get(body, other_keys[i]));

                if (text)
                        line_add(&line, text);
        }

        line_finish(&line);
        return ret[0] != '\0';
}
