/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Formats progress as text, which client-display.h prints. Nothing here depends on a terminal. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX ((size_t) 1024) /* bytes with the NUL; longer lines are cut */

/* As in org.virtbootstrap1.Job.ProgressChanged. */
typedef struct ClientProgress {
        const char *phase;    /* borrowed; "queued", "resolve", "download", … */
        uint64_t done, total; /* bytes of the phase; @total is 0 if unknown */
        double fraction;      /* of the job, 0 to 1 */
} ClientProgress;

/** client_progress_phase_text() - the translated name of a phase; @phase itself if it is unknown */
const char *client_progress_phase_text(const char *phase);

/**
 * client_progress_is_due() - whether @now is worth a line after a line for @last
 *
 * It is if the phase has changed, and for each tenth of the job, so that a log stays readable.
 * @last->phase is NULL before the first line.
 */
bool client_progress_is_due(const ClientProgress *last, const ClientProgress *now);

/** client_progress_format_plain() - "Downloading: 12.0M of 48.0M (25%)"; returns @ret */
char *client_progress_format_plain(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]);

/**
 * client_progress_format_status() - "Status: Downloading, Progress: 25.00%"; returns @ret
 *
 * Not translated: programs read it.
 */
char *client_progress_format_status(
        const ClientProgress *progress, char ret[static PROGRESS_LINE_MAX]);

/**
 * client_progress_format_bar() - "Downloading [=====>        ]  25% 12.0M of 48.0M"
 * @columns:    width of the terminal; the line takes at most one less
 * @is_coloured: whether to colour the bar with ANSI sequences
 *
 * If the line does not fit, parts are left out, from the right. Returns @ret.
 */
char *client_progress_format_bar(
        const ClientProgress *progress,
        size_t columns,
        bool is_coloured,
        char ret[static PROGRESS_LINE_MAX]);
