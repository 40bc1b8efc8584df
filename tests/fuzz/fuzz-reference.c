/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "reference.h"

static bool is_same(const Reference *a, const Reference *b) {
        return strcmp(a->host, b->host) == 0 && strcmp(a->repository, b->repository) == 0 &&
               strcmp(a->tag, b->tag) == 0 && a->has_digest == b->has_digest &&
               digest_equal(&a->digest, &b->digest);
}

/* What is accepted has a full form that reads as the same again and needs no escapes in JSON; what
 * is refused says why, in printable characters. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char formatted[REFERENCE_MAX + 1];
        Reference reference, again;

        if (!text)
                return 0;

        if (reference_parse(text, &reference, &error) < 0) {
                if (error.kind != ERROR_INVALID_REFERENCE)
                        __builtin_trap();
                for (const char *p = error_text(&error); *p; p++)
                        if (*p < ' ' || *p > '~')
                                __builtin_trap();
                return 0;
        }

        reference_format(&reference, formatted);
        if (strlen(formatted) > REFERENCE_MAX || reference.repository[0] == '\0' ||
            (reference.tag[0] == '\0' && !reference.has_digest))
                __builtin_trap();
        for (const char *p = formatted; *p; p++)
                if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
                        __builtin_trap();

        if (reference_parse(formatted, &again, NULL) < 0 || !is_same(&reference, &again))
                __builtin_trap();
        return 0;
}
