/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "trust-base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a digit, or -EINVAL. */
static int digit_value(char c) {
        const char *found = c != '\0' ? strchr(digits, c) : NULL;

        return found ? (int) (found - digits) : -EINVAL;
}

/* Decodes four characters, the last @padding of which are '='. */
static int decode_group(const char *text, size_t padding, uint8_t ret[static 3]) {
        uint32_t bits = 0;

        for (size_t i = 0; i < 4; i++) {
                int value = i < 4 - padding ? digit_value(text[i]) : 0;

                if (value < 0 || (i >= 4 - padding && text[i] != '='))
                        return -EINVAL;
                bits = bits << 6 | (uint32_t) value;
        }
        if ((bits & ((1U << 8 * padding) - 1)) != 0)
                return -EINVAL;

        for (size_t i = 0; i < 3; i++)
                ret[i] = (uint8_t) (bits >> (16 - 8 * i));
        return 0;
}

int trust_base64_decode(const char *text, uint8_t **ret, size_t *ret_size) {
        const size_t length = strlen(text);
        _cleanup_(freep) uint8_t *data = NULL;
        size_t padding = 0;

        if (length % 4 != 0)
                return -EINVAL;
        while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
                padding++;

        data = malloc(length / 4 * 3 + 1);
        if (!data)
                return -ENOMEM;

        for (size_t i = 0; i < length; i += 4)
                if (decode_group(text + i, i + 4 == length ? padding : 0, data + i / 4 * 3) < 0)
                        return -EINVAL;

        *ret_size = length / 4 * 3 - padding;
        data[*ret_size] = '\0';
        *ret = TAKE_PTR(data);
        return 0;
}
