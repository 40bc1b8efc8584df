/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fuzz.h"
#include "oci-tags.h"
#include "reference.h"

/* Every name that is listed is a tag. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(oci_tags_freep) OciTags *tags = oci_tags_new();
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r;

        if (!tags)
                return 0;

        r = oci_tags_add_page(tags, data, size, &error);
        if (r < 0 && (error.code != -r || !error.message))
                __builtin_trap();
        for (const char *tag = NULL; (tag = oci_tags_next(tags, tag));)
                if (!reference_is_tag(tag))
                        __builtin_trap();
        return 0;
}
