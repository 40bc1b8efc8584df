/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "reference-source.h"

static bool is_same(const ReferenceSource *a, const ReferenceSource *b) {
        return a->kind == b->kind && strcmp(a->path, b->path) == 0 &&
               strcmp(a->selector.name, b->selector.name) == 0 &&
               a->selector.has_index == b->selector.has_index &&
               a->selector.index == b->selector.index;
}

/* What is accepted has a path, and a full form that reads as the same again; what is refused says why,
 * in printable characters. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char formatted[SOURCE_REFERENCE_MAX + 1];
        ReferenceSource reference, again;

        if (!text)
                return 0;

        if (reference_source_parse(text, &reference, &error) < 0) {
                if (error.kind != ERROR_INVALID_REFERENCE)
                        __builtin_trap();
                for (const char *p = error_text(&error); *p; p++)
                        if (*p < ' ' || *p > '~')
                                __builtin_trap();
                return 0;
        }

        if (!reference_source_is_one(text) || reference.path[0] == '\0' ||
            (reference.kind != SOURCE_DIR && strchr(reference.path, ':')) ||
            (reference.selector.has_index &&
             (reference.selector.name[0] != '\0' || reference.selector.index > SOURCE_INDEX_MAX)))
                __builtin_trap();
        for (const char *p = reference.selector.name; *p; p++)
                if (*p <= ' ' || *p > '~')
                        __builtin_trap();

        reference_source_format(&reference, formatted);
        if (strlen(formatted) > SOURCE_REFERENCE_MAX ||
            reference_source_parse(formatted, &again, NULL) < 0 || !is_same(&reference, &again))
                __builtin_trap();
        return 0;
}
