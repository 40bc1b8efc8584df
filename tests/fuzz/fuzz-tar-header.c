/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "fuzz.h"
#include "unpack-header.h"

#define LIMIT ((size_t) 1 << 20)

static void check_text(const UnpackText *text, const uint8_t *data, size_t size) {
        const uint8_t *start = (const uint8_t *) text->text;

        if (start && (start < data || text->size > size || start + text->size > data + size))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const UnpackHeaderLimits limits = { LIMIT, LIMIT / 2 };
        UnpackHeader header;
        int r;

        r = unpack_header_scan(data, size, &limits, &header);
        if (r == 0) {
                if (header.path.text == header.joined)
                        check_text(
                                &header.path, (const uint8_t *) header.joined,
                                sizeof(header.joined));
                else
                        check_text(&header.path, data, size);
                check_text(&header.link, data, size);
                if (header.end > size && !header.doubt)
                        __builtin_trap();
        } else if (r != -EBADMSG && r != -EFBIG && r != -E2BIG && r != -ENODATA)
                __builtin_trap();
        return 0;
}
