/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base-mounts.h"
#include "fuzz.h"

/* The first line is a path, the rest is mountinfo. What is found has names, and what is not has none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = strndup((const char *) data, size), *names = NULL, *rest;
        int n;

        if (!text)
                return 0;

        rest = text + strcspn(text, "\n");
        if (text[0] == '/' && *rest == '\n') {
                *rest++ = '\0';
                n = mounts_below(rest, text, &names);
                if ((n > 0) != (names != NULL))
                        __builtin_trap();
        }
        free(names);
        free(text);
        return 0;
}
