/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base-number.h"
#include "registry-range.h"

static bool read_number(const char **p, uint64_t *ret) {
        return number_take(p, REGISTRY_SIZE_UNKNOWN - 1, ret) >= 0;
}

static bool read_char(const char **p, char c) {
        if (**p != c)
                return false;

        (*p)++;
        return true;
}

int registry_range_parse(const char *text, RegistryRange *ret) {
        RegistryRange range = { .total = REGISTRY_SIZE_UNKNOWN };

        if (strncasecmp(text, "bytes ", strlen("bytes ")) != 0)
                return -EINVAL;

        text += strlen("bytes ");
        text += strspn(text, " ");
        if (!read_number(&text, &range.first) || !read_char(&text, '-') ||
            !read_number(&text, &range.last) || !read_char(&text, '/'))
                return -EINVAL;
        if (!read_char(&text, '*') && !read_number(&text, &range.total))
                return -EINVAL;
        if (*text != '\0' || range.last < range.first || range.total <= range.last)
                return -EINVAL;

        *ret = range;
        return 0;
}
