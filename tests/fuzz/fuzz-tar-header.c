/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "fuzz.h"
#include "unpack-header.h"

#define LIMIT ((size_t) 1 << 20)

static void check_text(const HeaderText *text, const uint8_t *data, size_t size) {
        const uint8_t *start = (const uint8_t *) text->text;

        if (start && (start < data || text->size > size || start + text->size > data + size))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        HeaderNames names;
        int r;

        r = header_scan(data, size, LIMIT, &names);
        if (r == 0) {
                check_text(&names.path, data, size);
                check_text(&names.link, data, size);
        } else if (r != -EBADMSG && r != -EFBIG && r != -ENODATA)
                __builtin_trap();
        return 0;
}
