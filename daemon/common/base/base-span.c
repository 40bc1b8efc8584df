/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-macro.h"
#include "base-number.h"
#include "base-span.h"

#define MSEC   UINT64_C(1000)
#define SECOND USEC_PER_SEC
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define WEEK   (7 * DAY)
#define MONTH  (UINT64_C(2629800) * SECOND)  /* 30.44 days */
#define YEAR   (UINT64_C(31557600) * SECOND) /* 365.25 days */

#define BLANKS " \t\r"
#define LETTERS                                                                                    \
        "abcdefghijklmnopqrstuvwxyzM\xc2\xb5\xce\xbc" /* with both of Unicode's letters for micro */

typedef struct SpanUnit {
        const char *name;
        uint64_t usec;
} SpanUnit;

static const SpanUnit units[] = {
        { "us", 1 },       { "usec", 1 },        { "µs", 1 },           { "μs", 1 },
        { "ms", MSEC },    { "msec", MSEC },     { "", SECOND },        { "s", SECOND },
        { "sec", SECOND }, { "second", SECOND }, { "seconds", SECOND }, { "m", MINUTE },
        { "min", MINUTE }, { "minute", MINUTE }, { "minutes", MINUTE }, { "h", HOUR },
        { "hr", HOUR },    { "hour", HOUR },     { "hours", HOUR },     { "d", DAY },
        { "day", DAY },    { "days", DAY },      { "w", WEEK },         { "week", WEEK },
        { "weeks", WEEK }, { "M", MONTH },       { "month", MONTH },    { "months", MONTH },
        { "y", YEAR },     { "year", YEAR },     { "years", YEAR },
};

static const SpanUnit *find_unit(const char *name, size_t length) {
        for (size_t i = 0; i < N_ELEMENTS(units); i++)
                if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
                        return &units[i];

        return NULL;
}

/* Reads "5" of "1.5", as the part of a unit: *@ret microseconds. */
static uint64_t take_fraction(const char **text, uint64_t unit) {
        uint64_t usec = 0;

        for (; **text >= '0' && **text <= '9'; (*text)++) {
                unit /= 10;
                usec += (uint64_t) (**text - '0') * unit;
        }
        return usec;
}

/* Reads one number with its unit, and adds it to *@sum. */
static int take_part(const char **text, uint64_t *sum) {
        const char *fraction = NULL, *name;
        const SpanUnit *unit;
        uint64_t value, usec;
        size_t length;
        int r;

        r = number_take(text, UINT64_MAX, &value);
        if (r < 0)
                return r;
        if (**text == '.') {
                fraction = *text + 1;
                *text = fraction + strspn(fraction, "0123456789");
                if (*text == fraction)
                        return -EINVAL;
        }

        name = *text + strspn(*text, BLANKS);
        length = strspn(name, LETTERS);
        unit = find_unit(name, length);
        if (!unit)
                return -EINVAL;
        if (length > 0)
                *text = name + length;

        if (__builtin_mul_overflow(value, unit->usec, &usec) ||
            (fraction &&
             __builtin_add_overflow(usec, take_fraction(&fraction, unit->usec), &usec)) ||
            __builtin_add_overflow(*sum, usec, sum) || *sum == SPAN_INFINITY)
                return -ERANGE;
        return 0;
}

int span_parse(const char *text, uint64_t *ret) {
        uint64_t sum = 0;
        int r;

        text += strspn(text, BLANKS);
        if (strcmp(text, "infinity") == 0) {
                *ret = SPAN_INFINITY;
                return 0;
        }

        do {
                r = take_part(&text, &sum);
                if (r < 0)
                        return r;
                text += strspn(text, BLANKS);
        } while (*text != '\0');

        *ret = sum;
        return 0;
}
