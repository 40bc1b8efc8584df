/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>

#include "base-macro.h"
#include "client-intl.h"
#include "client-span.h"

#define MINUTE UINT64_C(60)
#define HOUR   (60 * MINUTE)
#define TENTHS 10 /* are told below this many seconds */

char *client_span_format(uint64_t usec, char ret[static SPAN_TEXT_MAX]) {
        const uint64_t seconds = usec / USEC_PER_SEC;

        if (seconds < TENTHS)
                (void) snprintf(
                        ret, SPAN_TEXT_MAX, _("%u.%u s"), (unsigned) seconds,
                        (unsigned) (usec % USEC_PER_SEC / (USEC_PER_SEC / 10)));
        else if (seconds < MINUTE)
                (void) snprintf(ret, SPAN_TEXT_MAX, _("%u s"), (unsigned) seconds);
        else if (seconds < HOUR)
                (void) snprintf(
                        ret, SPAN_TEXT_MAX, _("%u min %u s"), (unsigned) (seconds / MINUTE),
                        (unsigned) (seconds % MINUTE));
        else
                (void) snprintf(
                        ret, SPAN_TEXT_MAX, _("%llu h %u min"),
                        (unsigned long long) (seconds / HOUR),
                        (unsigned) (seconds % HOUR / MINUTE));

        return ret;
}

char *client_span_format_clock(uint64_t seconds, char ret[static SPAN_TEXT_MAX]) {
        const uint64_t hours = seconds / HOUR;
        const unsigned minutes = (unsigned) (seconds % HOUR / MINUTE);

        if (hours > 0)
                (void) snprintf(
                        ret, SPAN_TEXT_MAX, "%" PRIu64 ":%02u:%02u", hours, minutes,
                        (unsigned) (seconds % MINUTE));
        else
                (void) snprintf(
                        ret, SPAN_TEXT_MAX, "%u:%02u", minutes, (unsigned) (seconds % MINUTE));

        return ret;
}
