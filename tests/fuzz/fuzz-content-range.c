/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "registry-range.h"

/* An accepted range is one, and says the same when it is written down again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        RegistryRange range, again;
        char total[32] = "*", line[96];

        if (!text || registry_range_parse(text, &range) < 0)
                return 0;
        if (range.first > range.last || range.last >= range.total)
                __builtin_trap();

        if (range.total != REGISTRY_SIZE_UNKNOWN)
                (void) snprintf(total, sizeof(total), "%" PRIu64, range.total);
        (void) snprintf(
                line, sizeof(line), "bytes %" PRIu64 "-%" PRIu64 "/%s", range.first, range.last,
                total);
        if (registry_range_parse(line, &again) < 0 || again.first != range.first ||
            again.last != range.last || again.total != range.total)
                __builtin_trap();
        return 0;
}
