/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "base-digest.h"
#include "fuzz.h"

/* Accepted text comes back unchanged. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        char again[DIGEST_STRING_MAX];
        Digest digest;

        if (!text || digest_parse(text, &digest) < 0)
                return 0;
        if (!digest_is_valid(&digest) || strcmp(digest_format(&digest, again), text) != 0)
                __builtin_trap();
        return 0;
}
