/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "client-intl.h"
#include "client-progress.h"
#include "client-size.h"

#define BAR_COLUMNS_MIN ((size_t) 10)
#define BAR_COLUMNS_MAX ((size_t) 50)
#define LABEL_COLUMNS   ((size_t) 14) /* so that the bar does not move when the phase changes */
#define COUNT_COLUMNS   ((size_t) 20) /* " 1023.9M of 1023.9M", for the same reason */
#define FRAME_COLUMNS   (sizeof(" [] 100%") - 1)
#define COUNT_TEXT_MAX  (2 * SIZE_TEXT_MAX + 64)
#define COLOUR_BAR      "\033[32m"
#define COLOUR_NONE     "\033[0m"

static const struct {
        const char *phase, *text;
} phases[] = {
        { "queued", N_("Waiting") },       { "resolve", N_("Resolving") },
        { "download", N_("Downloading") }, { "build", N_("Building") },
        { "unpack", N_("Unpacking") },     { "finish", N_("Finishing") },
        { "clean", N_("Cleaning up") },    { "done", N_("Done") },
};

/* In English; @phase itself if it is unknown. */
static const char *find_phase(const char *phase) {
        for (size_t i = 0; i < N_ELEMENTS(phases); i++)
                if (strcmp(phases[i].phase, phase) == 0)
                        return phases[i].text;

        return phase;
}

const char *client_progress_phase_text(const char *phase) {
        const char *text = find_phase(phase);

        return *text ? _(text) : text; /* the translation of "" is the catalogue's header */
}

static double clamp_fraction(double fraction) {
        if (!(fraction > 0))
                return 0;
        return fraction > 1 ? 1 : fraction;
}

static unsigned to_parts(const ClientProgress *progress, unsigned n_parts) {
        /* 0.29 * 100 is a little less than 29. */
        return (unsigned) (clamp_fraction(progress->fraction) * n_parts + 1e-6);
}

bool client_progress_is_due(const ClientProgress *last, const ClientProgress *now) {
        return !last->phase || strcmp(last->phase, now->phase) != 0 ||
               to_parts(last, 10) != to_parts(now, 10);
}

/* "12.0M of 48.0M", or nothing if the total is unknown. */
static const char *format_count(const ClientProgress *progress, char ret[static COUNT_TEXT_MAX]) {
        char done[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

        ret[0] = '\0';
        if (progress->total > 0)
                (void) snprintf(
                        ret, COUNT_TEXT_MAX, _("%s of %s"),
                        client_size_format(progress->done, done),
                        client_size_format(progress->total, total));

        return ret;
}

char *client_progress_format_plain(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]) {
        char count[COUNT_TEXT_MAX];

        format_count(progress, count);
        (void) snprintf(
                ret, PROGRESS_LINE_MAX, "%s%s%s (%u%%)",
                client_progress_phase_text(progress->phase), count[0] ? ": " : "", count,
                to_parts(progress, 100));
        return ret;
}

char *client_progress_format_status(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]) {
        unsigned parts = to_parts(progress, 10000);

        (void) snprintf(
                ret, PROGRESS_LINE_MAX, "Status: %s, Progress: %u.%02u%%",
                find_phase(progress->phase), parts / 100, parts % 100);
        return ret;
}

static void fill_bar(
        const ClientProgress *progress, size_t columns, char ret[static BAR_COLUMNS_MAX + 1]) {
        size_t filled = to_parts(progress, (unsigned) columns);

        memset(ret, '=', filled);
        memset(ret + filled, ' ', columns - filled);
        if (filled < columns)
                ret[filled] = '>';
        ret[columns] = '\0';
}

/* Bytes of the first @columns code points. */
static size_t cut_at(const char *text, size_t columns) {
        const char *p = text;

        while (*p && columns-- > 0) {
                size_t n = text_utf8_length(p);

                p += n > 0 ? n : 1;
        }

        return (size_t) (p - text);
}

char *client_progress_format_bar(
        const ClientProgress *progress,
        size_t columns,
        bool is_coloured,
        char ret[static PROGRESS_LINE_MAX]) {
        char count[COUNT_TEXT_MAX], bar[BAR_COLUMNS_MAX + 1] = "";
        const char *label = client_progress_phase_text(progress->phase);
        size_t width = text_columns(label), room, padding;

        columns = columns > 1 ? columns - 1 : 0;
        padding = width < LABEL_COLUMNS ? LABEL_COLUMNS - width : 0;
        width += padding + FRAME_COLUMNS;
        if (columns < width + BAR_COLUMNS_MIN) {
                client_progress_format_plain(progress, ret);
                ret[cut_at(ret, columns)] = '\0';
                return ret;
        }

        room = columns - width;
        format_count(progress, count);
        if (room >= COUNT_COLUMNS + BAR_COLUMNS_MIN)
                room -= COUNT_COLUMNS;
        else
                count[0] = '\0';

        fill_bar(progress, room < BAR_COLUMNS_MAX ? room : BAR_COLUMNS_MAX, bar);
        (void) snprintf(
                ret, PROGRESS_LINE_MAX, "%s%*s [%s%s%s] %3u%%%s%s", label, (int) padding, "",
                is_coloured ? COLOUR_BAR : "", bar, is_coloured ? COLOUR_NONE : "",
                to_parts(progress, 100), count[0] ? " " : "", count);
        return ret;
}
