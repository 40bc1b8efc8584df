/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "base-number.h"
#include "unpack-number.h"

#define BASE_256 0x80 /* in the first byte, which is that or 0xff for a negative number */
#define NEGATIVE 0x40

static int from_base_256(const uint8_t *field, size_t size, uint64_t *ret) {
        uint64_t value = field[0] & ~BASE_256;

        if (field[0] & NEGATIVE)
                return -ERANGE;
        for (size_t i = 1; i < size; i++) {
                if (value >> (63 - 8))
                        return -ERANGE;
                value = value << 8 | field[i];
        }

        *ret = value;
        return 0;
}

static bool is_blank(const uint8_t *field, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (field[i] != ' ' && field[i] != '\0')
                        return false;
        return true;
}

int unpack_number_from_field(const uint8_t *field, size_t size, uint64_t *ret) {
        uint64_t value = 0;
        size_t i = 0;

        if (field[0] & BASE_256)
                return from_base_256(field, size, ret);

        if (is_blank(field, size)) {
                *ret = 0;
                return 0;
        }

        while (i < size && field[i] == ' ')
                i++;
        if (i < size && (field[i] < '0' || field[i] > '7'))
                return -EINVAL;
        for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
                value = value << 3 | (uint64_t) (field[i] - '0');
        if (i < size && field[i] != ' ' && field[i] != '\0')
                return -EINVAL;

        *ret = value;
        return 0;
}

int unpack_number_from_decimal(const UnpackText *text, uint64_t *ret) {
        uint64_t value;
        ssize_t n;

        n = number_scan(text->text, text->size, INT64_MAX, &value);
        if (n < 0)
                return (int) n;
        if ((size_t) n != text->size)
                return -EINVAL;

        *ret = value;
        return 0;
}
