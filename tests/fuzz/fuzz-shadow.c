/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "password-shadow.h"

#define HASH "$6$salt$hash"

static size_t count(const char *text, size_t size, char c) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += text[i] == c;
        return n;
}

/* No line and no field comes or goes, and editing again with the same changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data;
        _cleanup_(freep) char *edited = NULL, *again = NULL;
        size_t edited_size, again_size;

        if (password_shadow_edit(text, size, HASH, 20000, &edited, &edited_size) < 0)
                return 0;

        if (count(edited, edited_size, '\n') != count(text, size, '\n') ||
            count(edited, edited_size, ':') != count(text, size, ':') ||
            !memmem(edited, edited_size, "root:" HASH ":20000", strlen("root:" HASH ":20000")))
                __builtin_trap();
        if (password_shadow_edit(edited, edited_size, HASH, 20000, &again, &again_size) < 0 ||
            again_size != edited_size || memcmp(again, edited, edited_size) != 0)
                __builtin_trap();
        return 0;
}
