/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base-macro.h"
#include "base-number.h"
#include "base-span.h"
#include "config-text.h"

#define RANGE_NUMBER_MAX sizeof("18446744073709551615")

/* A unit and its factor. */
typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

static const Unit size_units[] = {
        { "", 1 },
        { "B", 1 },
        { "K", UINT64_C(1) << 10 },
        { "M", UINT64_C(1) << 20 },
        { "G", UINT64_C(1) << 30 },
        { "T", UINT64_C(1) << 40 },
};

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks at both ends, in place. */
static char *strip(char *text) {
        size_t length;

        while (is_blank(*text))
                text++;
        length = strlen(text);
        while (length > 0 && is_blank(text[length - 1]))
                text[--length] = '\0';
        return text;
}

/* The next line with its continuations: returns its length in @line, or a negative number at the end. A line that
 * is too long is cut. */
static int next_line(
        const char **p, const char *end, char line[static CONFIG_LINE_MAX], unsigned *number) {
        size_t length = 0;
        bool goes_on = true;

        if (*p == end)
                return -1;

        while (goes_on && *p < end) {
                const char *stop = memchr(*p, '\n', (size_t) (end - *p));
                size_t n = (size_t) ((stop ? stop : end) - *p);

                (*number)++;
                goes_on = n > 0 && (*p)[n - 1] == '\\';
                if (n >= CONFIG_LINE_MAX - length)
                        n = CONFIG_LINE_MAX - length - 1;
                memcpy(line + length, *p, n);
                length += n;
                if (goes_on && length > 0)
                        line[length - 1] = ' ';
                *p = stop ? stop + 1 : end;
        }

        line[length] = '\0';
        return (int) length;
}

static void parse_line(
        char *line,
        unsigned number,
        char section[static CONFIG_LINE_MAX],
        const ConfigEvents *events,
        void *userdata) {
        char *text = strip(line), *equals;
        size_t length = strlen(text);

        if (text[0] == '\0' || text[0] == '#' || text[0] == ';')
                return;

        if (text[0] == '[' && text[length - 1] == ']') {
                text[length - 1] = '\0';
                strcpy(section, text + 1);
                return;
        }

        equals = strchr(text, '=');
        if (!equals || equals == text || section[0] == '\0') {
                events->malformed(userdata, number, text);
                return;
        }

        *equals = '\0';
        events->assign(userdata, number, section, strip(text), strip(equals + 1));
}

void config_text_parse(const char *text, size_t size, const ConfigEvents *events, void *userdata) {
        char line[CONFIG_LINE_MAX], section[CONFIG_LINE_MAX] = "";
        const char *p = text, *end = text + size;
        unsigned number = 0;

        while (next_line(&p, end, line, &number) >= 0)
                parse_line(line, number, section, events, userdata);
}

static int parse_with_unit(
        const char *text,
        const Unit *units,
        size_t n_units,
        uint64_t min,
        uint64_t max,
        uint64_t *ret) {
        uint64_t value;
        int r;

        r = number_take(&text, UINT64_MAX, &value);
        if (r < 0)
                return r;

        while (is_blank(*text))
                text++;
        for (size_t i = 0; i < n_units; i++)
                if (strcmp(text, units[i].name) == 0) {
                        if (__builtin_mul_overflow(value, units[i].factor, &value) || value < min ||
                            value > max)
                                return -ERANGE;
                        *ret = value;
                        return 0;
                }

        return -EINVAL;
}

int config_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
        return parse_with_unit(text, size_units, 1, min, max, ret);
}

int config_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
        return parse_with_unit(text, size_units, N_ELEMENTS(size_units), min, max, ret);
}

int config_parse_usec(const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
        uint64_t usec;
        int r;

        r = span_parse(text, &usec);
        if (r < 0)
                return r;
        if (usec == SPAN_INFINITY)
                usec = max;
        if (usec < min || usec > max)
                return -ERANGE;

        *ret = usec;
        return 0;
}

int config_parse_range(
        const char *text,
        uint64_t min,
        uint64_t max,
        uint64_t count_max,
        uint64_t *ret_first,
        uint64_t *ret_last) {
        char first_text[RANGE_NUMBER_MAX];
        size_t length = strcspn(text, "-");
        uint64_t first, last;
        int r;

        if (text[length] == '\0' || length >= sizeof(first_text))
                return -EINVAL;
        memcpy(first_text, text, length);
        first_text[length] = '\0';

        r = config_parse_number(first_text, min, max, &first);
        if (r >= 0)
                r = config_parse_number(text + length + 1, min, max, &last);
        if (r < 0)
                return r;
        if (first > last || last - first >= count_max)
                return -ERANGE;

        *ret_first = first;
        *ret_last = last;
        return 0;
}

int config_parse_boolean(const char *text) {
        static const char *const words[][2] = {
                { "no", "yes" }, { "false", "true" }, { "off", "on" }, { "0", "1" }
        };

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                for (int value = 0; value < 2; value++)
                        if (strcasecmp(text, words[i][value]) == 0)
                                return value;

        return -EINVAL;
}
