/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes what lzop does. */

#include <endian.h>
#include <lzo/lzo1x.h>

#include "test-unpack-tar.h"

static inline void be32_add(Bytes *out, uint32_t value) {
        const uint32_t bytes = htobe32(value);

        bytes_add(out, &bytes, sizeof(bytes));
}

#define LZOP_NAME_OFFSET 33

static inline void lzop_header_add(Bytes *out, uint32_t flags) {
        static const uint8_t start[] = { 0x89, 'L',  'Z',  'O',  0,    0x0d, 0x0a, 0x1a, 0x0a,
                                         0x10, 0x40, 0x20, 0xa0, 0x09, 0x40, 1,    5 };
        static const uint8_t rest[] = { 0, 0, 0x81, 0xa4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x' };
        const size_t from = out->size + 9;
        uint32_t checksum;

        bytes_add(out, start, sizeof(start));
        be32_add(out, flags);
        bytes_add(out, rest, sizeof(rest));
        checksum = flags & 0x1000 ? lzo_crc32(0, out->data + from, out->size - from)
                                  : lzo_adler32(1, out->data + from, out->size - from);
        be32_add(out, checksum);
}

static inline void lzop_block_add(Bytes *out, uint32_t flags, const uint8_t *data, size_t size) {
        _cleanup_(freep) uint8_t *stored = malloc(size + size / 16 + 67);
        _cleanup_(freep) void *memory = malloc(LZO1X_1_MEM_COMPRESS);
        lzo_uint stored_size = 0;

        assert_int_equal(lzo1x_1_compress(data, size, stored, &stored_size, memory), LZO_E_OK);
        if (stored_size > size)
                stored_size = size;
        be32_add(out, (uint32_t) size);
        be32_add(out, (uint32_t) stored_size);
        if (flags & 1)
                be32_add(out, lzo_adler32(1, data, size));
        if (flags & 0x100)
                be32_add(out, lzo_crc32(0, data, size));
        if ((flags & 2) && stored_size < size)
                be32_add(out, lzo_adler32(1, stored, stored_size));
        if ((flags & 0x200) && stored_size < size)
                be32_add(out, lzo_crc32(0, stored, stored_size));
        bytes_add(out, stored_size < size ? stored : data, stored_size);
}

static inline void lzop_add_with(Bytes *out, uint32_t flags, const void *data, size_t size) {
        const uint8_t *p = data;

        lzop_header_add(out, flags);
        while (size > 0) {
                const size_t n = size < (256 << 10) ? size : 256 << 10;

                lzop_block_add(out, flags, p, n);
                p += n;
                size -= n;
        }
        be32_add(out, 0);
}

static inline void lzop_add(Bytes *out, const void *data, size_t size) {
        lzop_add_with(out, 1, data, size);
}
