/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "unpack-header.h"

#define BLOCK        ((size_t) 512)
#define SIZE_AT      ((size_t) 124)
#define SIZE_DIGITS  ((size_t) 12)
#define TYPE_AT      ((size_t) 156)
#define RECORD_LIMIT ((size_t) 1 << 30)

/* Octal with blanks in front, or, with the top bit set, base 256; UINT64_MAX when it is too large.
 */
static uint64_t parse_number(const uint8_t *field, size_t size) {
        uint64_t value = 0;
        size_t i = 0;

        if (field[0] & 0x80) {
                value = field[0] & 0x7f;
                for (i = 1; i < size; i++) {
                        if (value >> 56)
                                return UINT64_MAX;
                        value = value << 8 | field[i];
                }
                return value;
        }

        while (i < size && field[i] == ' ')
                i++;
        for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
                value = value << 3 | (uint64_t) (field[i] - '0');
        return value;
}

/* One "LENGTH KEY=VALUE\n": its length, or -EBADMSG. */
static int parse_record(
        const char *record,
        size_t size,
        HeaderText *ret_key,
        HeaderText *ret_value,
        size_t *ret_length) {
        size_t length = 0, i = 0;
        const char *equals;

        for (; i < size && record[i] >= '0' && record[i] <= '9'; i++) {
                length = length * 10 + (size_t) (record[i] - '0');
                if (length > RECORD_LIMIT)
                        return -EBADMSG;
        }
        if (i == 0 || i == size || record[i] != ' ')
                return -EBADMSG;

        i++;
        if (length > size || length < i + 2 || record[length - 1] != '\n')
                return -EBADMSG;
        equals = memchr(record + i, '=', length - 1 - i);
        if (!equals || equals == record + i)
                return -EBADMSG;

        *ret_key = (HeaderText){ record + i, (size_t) (equals - (record + i)) };
        *ret_value = (HeaderText){ equals + 1, (size_t) (record + length - 1 - (equals + 1)) };
        *ret_length = length;
        return 0;
}

static bool key_is(const HeaderText *key, const char *name) {
        return key->size == strlen(name) && memcmp(key->text, name, key->size) == 0;
}

static int scan_records(const char *records, size_t size, HeaderNames *names, bool *sparse_name) {
        while (size > 0) {
                HeaderText key, value;
                size_t length;
                int r;

                r = parse_record(records, size, &key, &value, &length);
                if (r < 0)
                        return r;

                if (key_is(&key, "GNU.sparse.name")) {
                        names->path = value;
                        *sparse_name = true;
                } else if (key_is(&key, "path") && !*sparse_name)
                        names->path = value;
                else if (key_is(&key, "linkpath"))
                        names->link = value;

                records += length;
                size -= length;
        }

        return 0;
}

int header_scan(const uint8_t *bytes, size_t size, size_t limit, HeaderNames *ret) {
        HeaderNames names = { 0 };
        bool sparse_name = false;
        int r;

        for (size_t at = 0; size - at >= BLOCK;) {
                const char type = (char) bytes[at + TYPE_AT];
                const uint64_t content = parse_number(bytes + at + SIZE_AT, SIZE_DIGITS);

                if (!strchr("xXgLKVA", type) || type == '\0') {
                        names.type = type;
                        *ret = names;
                        return 0;
                }

                at += BLOCK;
                if (content > limit)
                        return -EFBIG;
                if (content > size - at)
                        return -ENODATA;
                if (type == 'x' || type == 'X') {
                        r = scan_records(
                                (const char *) bytes + at, (size_t) content, &names, &sparse_name);
                        if (r < 0)
                                return r;
                }

                at += (size_t) (content + BLOCK - 1) / BLOCK * BLOCK;
                if (at > size)
                        return -ENODATA;
        }

        return -ENODATA;
}
