/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "base-macro.h"
#include "client-time.h"

/* From the largest on. */
static const struct Unit {
        const char *name;
        uint64_t seconds;
} units[] = {
        { "d", UINT64_C(86400) },
        { "h", 3600 },
        { "min", 60 },
        { "s", 1 },
};

static bool find_local(uint64_t usec, struct tm *ret) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);

        return usec != 0 && localtime_r(&seconds, ret);
}

char *client_time_format(uint64_t usec, char ret[static TIME_BYTES_MAX]) {
        struct tm tm;

        if (!find_local(usec, &tm) || strftime(ret, TIME_BYTES_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void) snprintf(ret, TIME_BYTES_MAX, "-");
        return ret;
}

char *client_time_format_clock(uint64_t usec, char ret[static TIME_BYTES_MAX]) {
        struct tm tm;

        if (!find_local(usec, &tm) || strftime(ret, TIME_BYTES_MAX, "%H:%M:%S", &tm) == 0)
                (void) snprintf(ret, TIME_BYTES_MAX, "-");
        return ret;
}

/* The largest unit that is not longer than @seconds; the last one for 0. */
static size_t find_unit(uint64_t seconds) {
        size_t i = 0;

        while (i + 1 < N_ELEMENTS(units) && seconds < units[i].seconds)
                i++;
        return i;
}

char *client_time_format_age(uint64_t usec, uint64_t now_usec, char ret[static TIME_BYTES_MAX]) {
        const uint64_t seconds = now_usec > usec ? (now_usec - usec) / USEC_PER_SEC : 0;
        const struct Unit *unit = &units[find_unit(seconds)];

        if (usec == 0)
                (void) snprintf(ret, TIME_BYTES_MAX, "-");
        else
                (void) snprintf(
                        ret, TIME_BYTES_MAX, "%" PRIu64 "%s", seconds / unit->seconds, unit->name);
        return ret;
}
