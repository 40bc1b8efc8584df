/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shows a job to the user: JSON events or status lines on standard output, or a block (client-block.h) or plain lines
 * on standard error. Data goes to standard output, everything else to standard error.
 */

#include "client-event.h"
#include "client-options.h"
#include "client-screen.h"

typedef enum ClientDisplayMode {
        DISPLAY_PLAIN, /* lines on standard error */
        DISPLAY_BLOCK, /* at the end of standard error, which is a terminal */
        DISPLAY_JSON,
        DISPLAY_STATUS, /* --status-only: status lines and the failure */
        DISPLAY_QUIET,  /* warnings and the failure */
} ClientDisplayMode;

typedef struct ClientDisplay {
        ClientDisplayMode mode;
        bool is_debug;
        bool is_redrawn;              /* the status line overwrites the previous one */
        bool has_line;                /* such a line is on the screen now */
        ClientScreen screen;          /* with DISPLAY_BLOCK */
        char *source;                 /* of the job, printable; owned; NULL if unknown */
        const ClientDetails *details; /* of the job; borrowed; NULL: nothing is known */
        ClientProgress last;          /* the progress shown last; its phase is last_phase */
        char *last_phase;             /* owned */
        char *last_line;              /* owned; --status-only prints no line twice */
} ClientDisplay;

/** client_display_init() - choose how to show things; release with client_display_done() */
void client_display_init(ClientDisplay *display, const ClientOptions *options);
void client_display_done(ClientDisplay *display);

/** client_display_job() - show that the job exists */
void client_display_job(ClientDisplay *display, const ClientJobHeader *job);

/** client_display_details() - use @details, which the caller keeps up to date, from now on; NULL: no more */
void client_display_details(ClientDisplay *display, const ClientDetails *details);

void client_display_progress(
        ClientDisplay *display, const char *id, const ClientProgress *progress);

/** client_display_refresh() - the details have changed, or the size of the terminal */
void client_display_refresh(ClientDisplay *display);

/** client_display_pause() - leave the terminal to others until the next call */
void client_display_pause(ClientDisplay *display);

/** client_display_message() - @priority as in syslog; @text may hold anything */
void client_display_message(
        ClientDisplay *display, const char *id, unsigned priority, const char *text);

/**
 * client_display_finished() - show the outcome last: a failure as one line "virt-bootstrap: SENTENCE"
 * @id:         the job; NULL if none was created
 * @destination: where the result is; NULL to print no line about it
 */
void client_display_finished(
        ClientDisplay *display,
        const char *id,
        const ClientOutcome *outcome,
        const char *destination);
