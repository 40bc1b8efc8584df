/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON in the tests of oci/. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "test.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define SHA_A "sha256:" HEX_A
#define SHA_B "sha256:" HEX_B
#define SHA_C "sha256:" HEX_C

/* @text with '"' for each '\'', so that it is readable here; owned by the caller. */
static inline char *json_text(const char *text) {
        char *copy = strdup(text);

        if (!copy)
                abort();
        for (char *p = copy; (p = strchr(p, '\''));)
                *p = '"';
        return copy;
}

/* @element @n times with ',' between, inside @before and @after; owned by the caller. */
static inline char *json_repeat(
        const char *before, const char *element, size_t n, const char *after) {
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

/* That @r and @error are a failure of @kind whose message has @part in it. */
static inline void assert_failure(int r, const Error *error, ErrorKind kind, const char *part) {
        if (r >= 0 || error->code != -r || error->kind != kind || !strstr(error_text(error), part))
                fail_msg(
                        "returned %d, error is %d %s '%s', expected %s '%s'", r, error->code,
                        error_kind_to_bus_name(error->kind), error_text(error),
                        error_kind_to_bus_name(kind), part);
}
