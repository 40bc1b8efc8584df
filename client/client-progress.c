/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "client-intl.h"
#include "client-progress.h"
#include "client-size.h"
#include "client-span.h"

#define LABEL_COLUMNS    ((size_t) 14) /* so that the bar does not move when the phase changes */
#define PART_TEXT_MAX    ((size_t) 128)
#define COUNT_TEXT_MAX   PART_TEXT_MAX
#define PERCENT_TEXT_MAX ((size_t) 16)
#define LABEL_MAX        ((size_t) 30) /* columns */
#define SHARE_UNFINISHED 0.99999       /* which no rounding makes a whole */
#define COLOUR_BAR       "\033[32m"
#define COLOUR_NONE      "\033[0m"

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

static unsigned to_parts(double share, unsigned n_parts) {
        /* 0.29 * 100 is a little less than 29. */
        return (unsigned) (clamp_fraction(share) * n_parts + 1e-6);
}

/* What the bytes beside it say, where there are any. */
static bool find_share(const ClientProgress *progress, double *ret) {
        double share = progress->fraction;

        if (progress->total > 0) {
                share = (double) progress->done / (double) progress->total;
                if (progress->done < progress->total && share > SHARE_UNFINISHED)
                        share = SHARE_UNFINISHED;
        }
        if (!(share > 0) && progress->total == 0)
                return false;

        *ret = share;
        return true;
}

bool client_progress_percent(const ClientProgress *progress, unsigned *ret) {
        double share;

        if (!find_share(progress, &share))
                return false;

        *ret = to_parts(share, 100);
        return true;
}

bool client_progress_left(const ClientProgress *progress, uint64_t speed, uint64_t *ret) {
        uint64_t bytes, seconds;

        if (speed == 0 || progress->done >= progress->total ||
            strcmp(progress->phase, "download") != 0)
                return false;

        bytes = progress->total - progress->done;
        seconds = bytes / speed + (bytes % speed > 0 ? 1 : 0);
        if (seconds > LEFT_SECONDS_MAX)
                return false;

        *ret = seconds;
        return true;
}

static unsigned tenths(const ClientProgress *progress) {
        double share = 0;

        (void) find_share(progress, &share);
        return to_parts(share, 10);
}

bool client_progress_is_due(const ClientProgress *last, const ClientProgress *now) {
        return !last->phase || strcmp(last->phase, now->phase) != 0 || tenths(last) != tenths(now);
}

/* "12.0M of 48.0M", or "12.0M" if the total is unknown. */
static const char *format_count(const ClientProgress *progress, char ret[static COUNT_TEXT_MAX]) {
        char done[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

        ret[0] = '\0';
        client_size_format(progress->done, done);
        if (progress->total > 0)
                (void) snprintf(
                        ret, COUNT_TEXT_MAX, _("%s of %s"), done,
                        client_size_format(progress->total, total));
        else if (progress->done > 0)
                (void) snprintf(ret, COUNT_TEXT_MAX, "%s", done);

        return ret;
}

char *client_progress_format_plain(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]) {
        char count[COUNT_TEXT_MAX], percent[PERCENT_TEXT_MAX] = "";
        unsigned n;

        format_count(progress, count);
        if (client_progress_percent(progress, &n))
                (void) snprintf(percent, sizeof(percent), " (%u%%)", n);
        (void) snprintf(
                ret, PROGRESS_LINE_MAX, "%s%s%s%s", client_progress_phase_text(progress->phase),
                count[0] ? ": " : "", count, percent);
        return ret;
}

char *client_progress_format_status(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]) {
        unsigned parts = to_parts(progress->fraction, 10000);

        (void) snprintf(
                ret, PROGRESS_LINE_MAX, "Status: %s, Progress: %u.%02u%%",
                find_phase(progress->phase), parts / 100, parts % 100);
        return ret;
}

char *client_progress_fill_bar(double share, size_t columns, char ret[static PROGRESS_BAR_MAX]) {
        const size_t room = (columns < BAR_COLUMNS_MAX ? columns : BAR_COLUMNS_MAX) - strlen("[]");
        const size_t filled = to_parts(share, (unsigned) room);
        char bar[BAR_COLUMNS_MAX + 1];

        memset(bar, '=', filled);
        memset(bar + filled, ' ', room - filled);
        if (filled < room)
                bar[filled] = '>';
        bar[room] = '\0';

        (void) snprintf(ret, PROGRESS_BAR_MAX, "[" COLOUR_BAR "%s" COLOUR_NONE "]", bar);
        return ret;
}

/* The parts of a line, in the order of the enum's values if there is room for them. */
typedef enum LinePart {
        PART_PERCENT,
        PART_LABEL,
        PART_COUNT,
        PART_LEFT,
        PART_SPEED,
        _PART_MAX,
} LinePart;

typedef struct LineParts {
        char texts[_PART_MAX][PART_TEXT_MAX]; /* empty if unknown, or without room */
        size_t columns;                       /* that they take, with what is between them */
} LineParts;

/* What comes before each part, if that is not the line's first. */
static const char *const gaps[_PART_MAX] = {
        [PART_PERCENT] = " ", [PART_LABEL] = " ",   [PART_COUNT] = "  ",
        [PART_LEFT] = "   ",  [PART_SPEED] = "   ",
};

static void find_parts(
        const ClientProgress *progress, const char *label, uint64_t speed, LineParts *ret) {
        char span[SPAN_TEXT_MAX], size[SIZE_TEXT_MAX];
        unsigned percent;
        uint64_t seconds;

        *ret = (LineParts){ 0 };
        (void) snprintf(
                ret->texts[PART_LABEL], PART_TEXT_MAX, "%.*s",
                (int) text_beginning(label, LABEL_MAX), label);
        format_count(progress, ret->texts[PART_COUNT]);
        if (client_progress_percent(progress, &percent))
                (void) snprintf(ret->texts[PART_PERCENT], PART_TEXT_MAX, "%3u%%", percent);
        if (client_progress_left(progress, speed, &seconds)) {
                (void) snprintf(
                        ret->texts[PART_LEFT], PART_TEXT_MAX, _("%s left"),
                        client_span_format_clock(seconds, span));
                (void) snprintf(
                        ret->texts[PART_SPEED], PART_TEXT_MAX, _("%s/s"),
                        client_size_format(speed, size));
        }
}

/* Leaves out what does not fit into @columns. */
static void fit_parts(LineParts *parts, size_t columns) {
        for (LinePart part = 0; part < _PART_MAX; part++) {
                char *text = parts->texts[part];
                const size_t gap = parts->columns > 0 ? strlen(gaps[part]) : 0;
                const size_t width = text_columns(text);

                if (width == 0)
                        continue;
                /* Something is better than nothing. */
                if (parts->columns == 0)
                        text[text_beginning(text, columns)] = '\0';
                else if (parts->columns + gap + width > columns) {
                        text[0] = '\0';
                        continue;
                }
                parts->columns += gap + text_columns(text);
        }
}

static void append(char line[static PROGRESS_LINE_MAX], const char *gap, const char *text) {
        const size_t length = strlen(line);

        if (*text)
                (void) snprintf(
                        line + length, PROGRESS_LINE_MAX - length, "%s%s", length > 0 ? gap : "",
                        text);
}

static void append_padded(char line[static PROGRESS_LINE_MAX], size_t padding, const char *text) {
        const size_t length = strlen(line);

        (void) snprintf(
                line + length, PROGRESS_LINE_MAX - length, "%*s%s", (int) padding, "", text);
}

static void append_part(
        char line[static PROGRESS_LINE_MAX], const LineParts *parts, LinePart part) {
        append(line, gaps[part], parts->texts[part]);
}

char *client_progress_format_bar(
        const ClientProgress *progress,
        uint64_t speed,
        size_t columns,
        char ret[static PROGRESS_LINE_MAX]) {
        char bar[PROGRESS_BAR_MAX];
        size_t padding, label, room;
        double share;
        LineParts parts;

        columns = columns > 1 ? columns - 1 : 0;
        find_parts(progress, client_progress_phase_text(progress->phase), speed, &parts);
        fit_parts(&parts, columns);

        ret[0] = '\0';
        append_part(ret, &parts, PART_PERCENT);
        append_part(ret, &parts, PART_LABEL);

        label = text_columns(parts.texts[PART_LABEL]);
        padding = 1 + (label < LABEL_COLUMNS ? LABEL_COLUMNS - label : 0);
        room = columns - parts.columns;
        if (label > 0 && room >= padding + BAR_COLUMNS_MIN && find_share(progress, &share)) {
                client_progress_fill_bar(share, room - padding, bar);
                append_padded(ret, padding, bar);
        }
        append_part(ret, &parts, PART_COUNT);
        append_part(ret, &parts, PART_SPEED);
        append_part(ret, &parts, PART_LEFT);
        return ret;
}

char *client_progress_format_total(
        const ClientProgress *progress,
        uint64_t speed,
        size_t columns,
        char ret[static PROGRESS_LINE_MAX]) {
        const bool is_download = strcmp(progress->phase, "download") == 0;
        LineParts parts;

        find_parts(
                progress, is_download ? _("Total") : client_progress_phase_text(progress->phase),
                speed, &parts);
        fit_parts(&parts, columns > 1 ? columns - 1 : 0);

        ret[0] = '\0';
        append_part(ret, &parts, PART_LABEL);
        append_part(ret, &parts, PART_PERCENT);
        append_part(ret, &parts, PART_COUNT);
        append_part(ret, &parts, PART_SPEED);
        append_part(ret, &parts, PART_LEFT);
        return ret;
}
