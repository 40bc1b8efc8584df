/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "base-number.h"

ssize_t number_scan(const char *text, size_t size, uint64_t max, uint64_t *ret) {
        uint64_t value = 0;
        size_t n = 0;

        for (; n < size && text[n] >= '0' && text[n] <= '9'; n++) {
                const uint64_t digit = (uint64_t) (text[n] - '0');

                if (digit > max || value > (max - digit) / 10)
                        return -ERANGE;
                value = 10 * value + digit;
        }

        if (n == 0)
                return -EINVAL;
        *ret = value;
        return (ssize_t) n;
}

int number_take(const char **text, uint64_t max, uint64_t *ret) {
        ssize_t n = number_scan(*text, SIZE_MAX, max, ret);

        if (n < 0)
                return (int) n;
        *text += n;
        return 0;
}

int number_parse(const char *text, uint64_t max, uint64_t *ret) {
        uint64_t value;
        int r;

        r = number_take(&text, max, &value);
        if (r < 0)
                return r;
        if (*text != '\0')
                return -EINVAL;

        *ret = value;
        return 0;
}
