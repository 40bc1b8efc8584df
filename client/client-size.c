/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base-number.h"
#include "client-size.h"

static const char suffixes[] = "BKMGTPE";

static bool parse_unit(const char *text, unsigned *ret_shift) {
        const char *suffix;

        if (*text == '\0') {
                *ret_shift = 0;
                return true;
        }

        suffix = strchr(suffixes, toupper((unsigned char) *text));
        if (!suffix)
                return false;
        if (suffix > suffixes && strcasecmp(text + 1, "iB") == 0)
                text += 2;
        else if (suffix > suffixes && strcasecmp(text + 1, "B") == 0)
                text += 1;

        *ret_shift = 10 * (unsigned) (suffix - suffixes);
        return text[1] == '\0';
}

int client_size_parse(const char *text, uint64_t *ret_bytes, Error *error) {
        const char *p = text;
        uint64_t value;
        unsigned shift;

        if (number_take(&p, UINT64_MAX, &value) < 0 || !parse_unit(p, &shift) ||
            value > UINT64_MAX >> shift)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is not a size; expected a whole number with an optional unit K, M, G, T, P "
                        "or E, such as 5G or 512MiB",
                        text);

        *ret_bytes = value << shift;
        return 0;
}

char *client_size_format(uint64_t bytes, char ret[static SIZE_TEXT_MAX]) {
        unsigned unit = 0;
        uint64_t tenths;

        while (unit + 1 < sizeof(suffixes) - 1 && bytes >> (10 * (unit + 1)) > 0)
                unit++;

        if (unit == 0) {
                (void) snprintf(ret, SIZE_TEXT_MAX, "%uB", (unsigned) bytes);
                return ret;
        }

        /* One unit lower first, so that ten times an exbibyte still fits. */
        tenths = (bytes >> (10 * (unit - 1))) * 10 / 1024;
        (void) snprintf(
                ret, SIZE_TEXT_MAX, "%u.%u%c", (unsigned) (tenths / 10), (unsigned) (tenths % 10),
                suffixes[unit]);
        return ret;
}
