/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "base-macro.h"
#include "base-number.h"
#include "unpack-number.h"
#include "unpack-pax.h"

#define RECORD_MAX     ((size_t) 999999) /* libarchive drops larger ones, and those after them */
#define SPARSE_PREFIX  "GNU.sparse"
#define SCHILY_PREFIX  "SCHILY.xattr."
#define BASE_64_PREFIX "LIBARCHIVE.xattr."
#define SELINUX        "RHT.security.selinux"

/* One "LENGTH KEY=VALUE\n": its length, or -EBADMSG. */
static int parse_record(
        const char *record,
        size_t size,
        UnpackText *ret_key,
        UnpackText *ret_value,
        size_t *ret_length) {
        const char *equals;
        uint64_t number;
        size_t length, i;
        ssize_t n;

        n = number_scan(record, size, size, &number);
        if (n < 0 || (size_t) n == size || record[n] != ' ')
                return -EBADMSG;

        length = (size_t) number;
        i = (size_t) n + 1;
        if (length < i + 2 || record[length - 1] != '\n')
                return -EBADMSG;
        equals = memchr(record + i, '=', length - 1 - i);
        if (!equals || equals == record + i ||
            memchr(record + i, '\0', (size_t) (equals - (record + i))))
                return -EBADMSG;

        *ret_key = (UnpackText){ record + i, (size_t) (equals - (record + i)) };
        *ret_value = (UnpackText){ equals + 1, (size_t) (record + length - 1 - (equals + 1)) };
        *ret_length = length;
        return 0;
}

static bool key_begins(const UnpackText *key, const char *prefix) {
        return key->size >= strlen(prefix) && memcmp(key->text, prefix, strlen(prefix)) == 0;
}

static void put_doubt(UnpackPax *pax, const char *doubt) {
        if (!pax->doubt)
                pax->doubt = doubt;
}

/* An empty record resets earlier ones, but not for every reader. */
static void put_text(UnpackPax *pax, UnpackText *text, const UnpackText *value) {
        if (value->size > 0)
                *text = *value;
        else if (text->text)
                put_doubt(pax, "its pax header resets a name");
}

static void put_number(UnpackPax *pax, bool *has, uint64_t *number, const UnpackText *value) {
        if (unpack_number_from_decimal(value, number) < 0)
                put_doubt(pax, "its pax header has a size that is not a number");
        *has = true;
}

static void on_path(UnpackPax *pax, const UnpackText *value) {
        put_text(pax, &pax->path, value);
}

static void on_link(UnpackPax *pax, const UnpackText *value) {
        put_text(pax, &pax->link, value);
}

static void on_size(UnpackPax *pax, const UnpackText *value) {
        put_number(pax, &pax->has_size, &pax->size, value);
}

/* unpack-meta.c refuses negative ones. */
static void on_id(UnpackPax *pax, const UnpackText *value) {
        const bool negative = value->size > 0 && value->text[0] == '-';
        const UnpackText digits = { value->text + negative, value->size - negative };
        uint64_t id;

        if (unpack_number_from_decimal(&digits, &id) == -EINVAL)
                put_doubt(pax, "its pax header has an owner or group that is not a number");
}

static void on_time(UnpackPax *pax, const UnpackText *value) {
        const bool negative = value->size > 0 && value->text[0] == '-';
        const UnpackText number = { value->text + negative, value->size - negative };
        const char *const point = number.size > 0 ? memchr(number.text, '.', number.size) : NULL;
        const UnpackText seconds = { number.text,
                                     point ? (size_t) (point - number.text) : number.size };
        uint64_t ignored;

        if (unpack_number_from_decimal(&seconds, &ignored) < 0 ||
            (point && strspn(point + 1, "0123456789") < number.size - seconds.size - 1))
                put_doubt(pax, "its pax header has a time that is not a number");
}

static void on_holes(UnpackPax *pax, const UnpackText *value) {
        put_doubt(pax, "it has holes in a format that not every program reads");
}

static void on_sparse_name(UnpackPax *pax, const UnpackText *value) {
        put_text(pax, &pax->sparse_name, value);
}

static void on_sparse_list(UnpackPax *pax, const UnpackText *value) {
        put_text(pax, &pax->list, value);
}

static void on_real_size(UnpackPax *pax, const UnpackText *value) {
        put_number(pax, &pax->has_real_size, &pax->real_size, value);
}

static void on_blocks(UnpackPax *pax, const UnpackText *value) {
        put_number(pax, &pax->has_blocks, &pax->blocks, value);
}

static void on_major(UnpackPax *pax, const UnpackText *value) {
        put_number(pax, &pax->has_major, &pax->major, value);
}

static void on_minor(UnpackPax *pax, const UnpackText *value) {
        put_number(pax, &pax->has_minor, &pax->minor, value);
}

static void on_part(UnpackPax *pax, const UnpackText *value, bool is_offset) {
        uint64_t number;

        if (pax->offset_only == is_offset || unpack_number_from_decimal(value, &number) < 0 ||
            (!is_offset && unpack_sparse_add(&pax->parts, number) < 0))
                put_doubt(pax, "its pax header has a malformed sparse map");
        pax->offset_only = is_offset;
}

static void on_offset(UnpackPax *pax, const UnpackText *value) {
        on_part(pax, value, true);
}

static void on_part_bytes(UnpackPax *pax, const UnpackText *value) {
        on_part(pax, value, false);
}

static const struct {
        const char *key;
        void (*on)(UnpackPax *pax, const UnpackText *value);
} keys[] = {
        { "path", on_path },
        { "linkpath", on_link },
        { "size", on_size },
        { "uid", on_id },
        { "gid", on_id },
        { "mtime", on_time },
        { "atime", on_time },
        { "ctime", on_time },
        { "SUN.holesdata", on_holes },
        { SPARSE_PREFIX ".name", on_sparse_name },
        { SPARSE_PREFIX ".map", on_sparse_list },
        { SPARSE_PREFIX ".size", on_real_size },
        { SPARSE_PREFIX ".realsize", on_real_size },
        { SPARSE_PREFIX ".numblocks", on_blocks },
        { SPARSE_PREFIX ".major", on_major },
        { SPARSE_PREFIX ".minor", on_minor },
        { SPARSE_PREFIX ".offset", on_offset },
        { SPARSE_PREFIX ".numbytes", on_part_bytes },
};

static void on_record(UnpackPax *pax, const UnpackText *key, const UnpackText *value) {
        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                if (unpack_text_is(key, keys[i].key, strlen(keys[i].key)))
                        keys[i].on(pax, value);
        if (key_begins(key, SPARSE_PREFIX))
                pax->is_sparse = true;
}

/* Bytes of the extended attribute in a record; 0 if it has none. */
static size_t xattr_bytes(const UnpackText *key, const UnpackText *value) {
        if (key_begins(key, BASE_64_PREFIX)) /* of which two characters may be padding */
                return value->size > 4 ? value->size / 4 * 3 - 2 : 0;
        return key_begins(key, SCHILY_PREFIX) || unpack_text_is(key, SELINUX, strlen(SELINUX))
                       ? value->size
                       : 0;
}

int unpack_pax_scan(const char *records, size_t size, uint64_t xattr_limit, UnpackPax *ret) {
        UnpackPax pax = { 0 };

        while (size > 0) {
                UnpackText key, value;
                size_t length;
                int r;

                r = parse_record(records, size, &key, &value, &length);
                if (r < 0)
                        return r;
                if (xattr_bytes(&key, &value) > xattr_limit)
                        return -E2BIG;
                if (length > RECORD_MAX)
                        put_doubt(&pax, "its pax header has a record that some programs drop");
                on_record(&pax, &key, &value);

                records += length;
                size -= length;
        }

        if (pax.offset_only)
                put_doubt(&pax, "its pax header has a malformed sparse map");
        *ret = pax;
        return 0;
}
