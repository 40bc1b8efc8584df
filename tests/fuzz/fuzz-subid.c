/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "base-subid.h"
#include "fuzz.h"

/* Whatever is in the files: each range is one of ids that stay what they are, and covers itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        IdMap ids = { 0 };
        IdRange missing;

        if (!text)
                return 0;

        subid_parse(text, "me", 1000, &ids);
        subid_parse_namespace(text, &ids);
        for (size_t i = 0; i < ids.n_ranges; i++)
                if (ids.ranges[i].start != ids.ranges[i].target || ids.ranges[i].count == 0)
                        __builtin_trap();
        if (subid_find_missing(&ids, &ids, &missing))
                __builtin_trap();
        return 0;
}
