/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "unpack-number.h"
#include "unpack-sparse.h"

#define BLOCK ((size_t) 512)
#define FIELD ((size_t) 12)

/* The offsets of parts in a header block, and in one after it, and of the flag for another block. */
#define FIRST_AT        ((size_t) 386)
#define FIRST_PARTS     4
#define FIRST_MORE_AT   ((size_t) 482)
#define FURTHER_PARTS   21
#define FURTHER_MORE_AT ((size_t) 504)

int unpack_sparse_add(UnpackSparseMap *map, uint64_t bytes) {
        if (bytes > INT64_MAX - map->content)
                return -EBADMSG;

        map->is_uneven = map->is_uneven || (bytes > 0 && map->content % BLOCK != 0);
        map->content += bytes;
        map->n_parts++;
        return 0;
}

/* Some readers detect the end by the offset, others by the size. Returns whether all slots are used. */
static int read_fields(const uint8_t *parts, unsigned n, UnpackSparseMap *map) {
        for (; n > 0 && parts[0] != '\0'; parts += 2 * FIELD, n--) {
                uint64_t offset, bytes;

                if (parts[FIELD] == '\0' || unpack_number_from_field(parts, FIELD, &offset) < 0 ||
                    unpack_number_from_field(parts + FIELD, FIELD, &bytes) < 0 ||
                    unpack_sparse_add(map, bytes) < 0)
                        return -EBADMSG;
        }

        return n > 0 && parts[FIELD] != '\0' ? -EBADMSG : n == 0;
}

int unpack_sparse_read_fields(
        const uint8_t *bytes, size_t size, UnpackSparseMap *ret, size_t *ret_end) {
        UnpackSparseMap map = { 0 };
        size_t at = BLOCK;
        bool more;
        int r;

        if (size < BLOCK)
                return -ENODATA;
        r = read_fields(bytes + FIRST_AT, FIRST_PARTS, &map);
        more = bytes[FIRST_MORE_AT] != '\0';

        for (; r > 0 && more; at += BLOCK) {
                if (size - at < BLOCK)
                        return -ENODATA;
                r = read_fields(bytes + at, FURTHER_PARTS, &map);
                more = bytes[at + FURTHER_MORE_AT] != '\0';
        }
        if (r < 0 || more)
                return -EBADMSG;

        *ret = map;
        *ret_end = at;
        return 0;
}

int unpack_sparse_read_list(const UnpackText *text, UnpackSparseMap *ret) {
        const char *at = text->text, *const end = at + text->size;
        UnpackSparseMap map = { 0 };

        for (size_t n = 0; at <= end; n++) {
                const char *comma = at < end ? memchr(at, ',', (size_t) (end - at)) : NULL;
                const UnpackText one = { at, (size_t) ((comma ? comma : end) - at) };
                uint64_t value;

                if (unpack_number_from_decimal(&one, &value) < 0 ||
                    (n % 2 == 1 && unpack_sparse_add(&map, value) < 0) || (!comma && n % 2 == 0))
                        return -EBADMSG;
                at += one.size + 1;
        }

        *ret = map;
        return 0;
}

static int read_line(const uint8_t *bytes, size_t size, size_t *at, uint64_t *ret) {
        const char *const line = (const char *) bytes + *at;
        const char *const end = memchr(line, '\n', size - *at);

        if (!end)
                return -ENODATA;
        if (unpack_number_from_decimal(&(UnpackText){ line, (size_t) (end - line) }, ret) < 0)
                return -EBADMSG;

        *at += (size_t) (end - line) + 1;
        return 0;
}

int unpack_sparse_read_lines(
        const uint8_t *bytes, size_t size, UnpackSparseMap *ret, size_t *ret_end) {
        UnpackSparseMap map = { 0 };
        uint64_t n_parts, offset, part;
        size_t at = 0;
        int r;

        r = read_line(bytes, size, &at, &n_parts);
        while (r >= 0 && map.n_parts < n_parts) {
                r = read_line(bytes, size, &at, &offset);
                if (r >= 0)
                        r = read_line(bytes, size, &at, &part);
                if (r >= 0)
                        r = unpack_sparse_add(&map, part);
        }
        if (r < 0)
                return r;

        at = (at + BLOCK - 1) / BLOCK * BLOCK;
        if (at > size)
                return -ENODATA;

        *ret = map;
        *ret_end = at;
        return 0;
}
