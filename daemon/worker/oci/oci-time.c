/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <string.h>

#include "oci-time.h"

#define SHAPE        "dddd-dd-ddTdd:dd:dd"
#define OFFSET_SHAPE "dd:dd"
#define DIGITS_MAX   ((size_t) 9) /* of a fraction: nanoseconds */

static bool has_shape(const char *text, const char *shape) {
        for (; *shape != '\0'; shape++, text++)
                if (*shape == 'd' ? !isdigit((unsigned char) *text) : *text != *shape)
                        return false;

        return true;
}

/* Of @n digits. */
static unsigned number(const char *text, size_t n) {
        unsigned value = 0;

        for (size_t i = 0; i < n; i++)
                value = value * 10 + (unsigned) (text[i] - '0');
        return value;
}

static unsigned days_of(unsigned year, unsigned month) {
        static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        return month == 2 && is_leap ? 29 : days[month - 1];
}

static bool is_in_range(const char *text) {
        const unsigned year = number(text, 4), month = number(text + 5, 2),
                       day = number(text + 8, 2);

        return month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month) &&
               number(text + 11, 2) < 24 && number(text + 14, 2) < 60 && number(text + 17, 2) < 60;
}

/* What follows the seconds. */
static bool add_fraction(const char **text, char **end) {
        const char *digits = *text + 1;
        size_t n, n_kept;

        if (**text != '.' && **text != ',')
                return true;

        n = strspn(digits, "0123456789");
        if (n == 0)
                return false;

        *text = digits + n;
        n_kept = n < DIGITS_MAX ? n : DIGITS_MAX;
        while (n_kept > 0 && digits[n_kept - 1] == '0')
                n_kept--;
        if (n_kept > 0) {
                *(*end)++ = '.';
                memcpy(*end, digits, n_kept);
                *end += n_kept;
        }
        return true;
}

static bool add_offset(const char *text, char *end) {
        if (strcmp(text, "Z") == 0) {
                stpcpy(end, "Z");
                return true;
        }
        if ((text[0] != '+' && text[0] != '-') || !has_shape(text + 1, OFFSET_SHAPE) ||
            text[1 + strlen(OFFSET_SHAPE)] != '\0' || number(text + 1, 2) > 24 ||
            number(text + 4, 2) >= 60)
                return false;

        stpcpy(end, strcmp(text + 1, "00:00") == 0 ? "Z" : text);
        return true;
}

bool oci_time_normalize(const char *text, char ret[static OCI_TIME_MAX]) {
        const char *rest = text + strlen(SHAPE);
        char *end = ret + strlen(SHAPE);

        ret[0] = '\0';
        if (!has_shape(text, SHAPE) || !is_in_range(text))
                return false;

        memcpy(ret, text, strlen(SHAPE));
        if (add_fraction(&rest, &end) && add_offset(rest, end))
                return true;

        ret[0] = '\0';
        return false;
}
