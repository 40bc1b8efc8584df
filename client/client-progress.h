/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Formats progress as text, which client-display.h prints. Nothing here depends on a terminal. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX ((size_t) 1024) /* bytes with the NUL; longer lines are cut */
#define PROGRESS_BAR_MAX  ((size_t) 128)  /* bytes of a bar, with the NUL */
#define BAR_COLUMNS_MIN   ((size_t) 12)   /* with the brackets; a narrower one says nothing */
#define BAR_COLUMNS_MAX   ((size_t) 50)   /* a wider one is no easier to read */
#define LEFT_SECONDS_MAX  (UINT64_C(99) * 60 * 60)

/* As in org.virtbootstrap1.Job.ProgressChanged. */
typedef struct ClientProgress {
        const char *phase;    /* borrowed; "queued", "resolve", "download", … */
        uint64_t done, total; /* bytes of the phase; @total is 0 if unknown */
        double fraction;      /* of the job, 0 to 1 */
} ClientProgress;

/** client_progress_phase_text() - the translated name of a phase; @phase itself if it is unknown */
const char *client_progress_phase_text(const char *phase);

/**
 * client_progress_percent() - how much of the phase's bytes is done or, if the total is unknown, of the job
 *
 * It agrees with the bytes that are shown beside it. Return: whether it is known.
 */
bool client_progress_percent(const ClientProgress *progress, unsigned *ret);

/**
 * client_progress_left() - how long the rest of the download takes at @speed, in bytes per second
 * @ret:        seconds, rounded up
 *
 * Return: whether it is known, and of use: at most LEFT_SECONDS_MAX.
 */
bool client_progress_left(const ClientProgress *progress, uint64_t speed, uint64_t *ret);

/**
 * client_progress_is_due() - whether @now is worth a line after a line for @last
 *
 * It is if the phase has changed, and for each tenth of it, so that a log stays readable. @last->phase is NULL
 * before the first line.
 */
bool client_progress_is_due(const ClientProgress *last, const ClientProgress *now);

/** client_progress_format_plain() - "Downloading: 12.0M of 48.0M (25%)"; returns @ret */
char *client_progress_format_plain(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]);

/**
 * client_progress_format_status() - "Status: Downloading, Progress: 25.00%"; returns @ret
 *
 * Of the whole job. Not translated: programs read it.
 */
char *client_progress_format_status(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]);

/**
 * client_progress_format_bar() - " 25% Downloading    [==>       ]  12.0M of 48.0M   5.8M/s   0:07 left"
 * @speed:      bytes per second; 0 if unknown
 * @columns:    width of the terminal; the line takes at most one less
 *
 * If the line does not fit, parts are left out: the bar, the speed, the time, the bytes, and the phase at last.
 * The bar is coloured with ANSI sequences. Returns @ret.
 */
char *client_progress_format_bar(
        const ClientProgress *progress,
        uint64_t speed,
        size_t columns,
        char ret[static PROGRESS_LINE_MAX]);

/** client_progress_format_total() - "Total  25%  12.0M of 48.0M   5.8M/s   0:07 left"; as above, without a bar */
char *client_progress_format_total(
        const ClientProgress *progress,
        uint64_t speed,
        size_t columns,
        char ret[static PROGRESS_LINE_MAX]);

/**
 * client_progress_fill_bar() - "[===>    ]", with ANSI sequences
 * @share:      0 to 1
 * @columns:    its width, at least BAR_COLUMNS_MIN; at most BAR_COLUMNS_MAX are used
 *
 * Returns @ret.
 */
char *client_progress_fill_bar(double share, size_t columns, char ret[static PROGRESS_BAR_MAX]);
