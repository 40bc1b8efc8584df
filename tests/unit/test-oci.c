/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

char *json_text(const char *text) {
        char *copy = strdup(text);

        if (!copy)
                abort();
        for (char *p = copy; (p = strchr(p, '\''));)
                *p = '"';
        return copy;
}

char *json_repeat(const char *before, const char *element, size_t n, const char *after) {
        char *text = malloc(strlen(before) + n * (strlen(element) + 1) + strlen(after) + 1);
        char *p;

        if (!text)
                abort();

        p = stpcpy(text, before);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(stpcpy(p, i > 0 ? "," : ""), element);
        strcpy(p, after);

        for (p = text; (p = strchr(p, '\''));)
                *p = '"';
        return text;
}

void assert_failure(int r, const Error *error, ErrorKind kind, const char *part) {
        if (r >= 0 || error->code != -r || error->kind != kind || !strstr(error_text(error), part))
                fail_msg(
                        "returned %d, error is %d %s '%s', expected %s '%s'", r, error->code,
                        error_kind_to_bus_name(error->kind), error_text(error),
                        error_kind_to_bus_name(kind), part);
}
