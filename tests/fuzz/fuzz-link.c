/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "registry-link.h"

/* A target is a part of the header, between its brackets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        char target[REGISTRY_LINK_MAX], quoted[REGISTRY_LINK_MAX + 2] = "<";
        int r;

        if (!text)
                return 0;

        r = registry_link_next(text, target);
        if (r != 1 && r != 0 && r != -EINVAL && r != -E2BIG)
                __builtin_trap();
        if ((r == 1) != (target[0] != '\0'))
                __builtin_trap();

        stpcpy(stpcpy(quoted + 1, target), ">");
        if (r == 1 && !strstr(text, quoted))
                __builtin_trap();
        return 0;
}
