/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shows a job to whoever watches: JSON events or status lines on standard output, or a bar or plain
 * lines on standard error. Data goes to standard output, everything else to standard error.
 */

#include "client-event.h"
#include "client-options.h"

typedef enum ClientDisplayMode {
        DISPLAY_PLAIN, /* lines on standard error */
        DISPLAY_BAR,   /* one line on the terminal that standard error is */
        DISPLAY_JSON,
        DISPLAY_STATUS, /* --status-only: nothing else but the failure */
        DISPLAY_QUIET,  /* warnings and the failure */
} ClientDisplayMode;

typedef struct ClientDisplay {
        ClientDisplayMode mode;
        bool is_debug;
        bool is_coloured;
        bool is_redrawn;     /* the status or bar line is drawn over */
        bool has_line;       /* such a line is on the screen now */
        ClientProgress last; /* what was shown; its phase is last_phase */
        char *last_phase;    /* owned */
        char *last_line;     /* owned; --status-only prints no line twice */
} ClientDisplay;

/** client_display_init() - choose how to show things; release with client_display_done() */
void client_display_init(ClientDisplay *display, const ClientOptions *options);
void client_display_done(ClientDisplay *display);

/** client_display_job() - the job exists */
void client_display_job(ClientDisplay *display, const ClientJobHeader *job);

void client_display_progress(
        ClientDisplay *display, const char *id, const ClientProgress *progress);

/** client_display_message() - @priority as in syslog; @text may hold anything */
void client_display_message(
        ClientDisplay *display, const char *id, unsigned priority, const char *text);

/**
 * client_display_finished() - the last thing that is shown: a failure as one line "virt-bootstrap: SENTENCE"
 * @id:         the job; NULL when there is none
 * @digest:     the image's; NULL or empty when not known
 * @destination: where it is now; NULL when that is not worth a line
 */
void client_display_finished(
        ClientDisplay *display,
        const char *id,
        const ClientOutcome *outcome,
        const char *digest,
        const char *destination);
