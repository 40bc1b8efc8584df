/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "base-idmap.h"
#include "fuzz.h"

/* A line a range: no accepted range maps an id to the one that means "none", and an id is mapped by
 * the one range that has it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        IdMap map = { 0 };
        char *rest = text, *line;

        while (text && (line = strsep(&rest, "\n"))) {
                IdRange range;

                if (idmap_parse_range(line, &range, NULL) < 0 || idmap_add(&map, &range, NULL) < 0)
                        continue;
                if (idmap_apply(&map, range.start) != range.target ||
                    idmap_apply(&map, range.start + range.count - 1) !=
                            range.target + range.count - 1)
                        __builtin_trap();
        }

        for (size_t i = 0; i < map.n_ranges; i++)
                if (idmap_apply(&map, map.ranges[i].start) == UINT32_MAX)
                        __builtin_trap();
        return 0;
}
