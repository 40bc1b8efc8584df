/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "client-display.h"
#include "client-intl.h"
#include "client-ready.h"

/* no-color.org: any value except the empty one. Who wants no colours mostly wants no block either. */
static bool wants_no_colour(void) {
        const char *value = getenv("NO_COLOR");

        return value && *value;
}

void client_display_init(ClientDisplay *display, const ClientOptions *options) {
        *display = (ClientDisplay){ .mode = DISPLAY_PLAIN, .is_debug = options->debug };

        if (options->json)
                display->mode = DISPLAY_JSON;
        else if (options->status_only) {
                display->mode = DISPLAY_STATUS;
                display->is_redrawn = isatty(STDOUT_FILENO);
        } else if (options->quiet)
                display->mode = DISPLAY_QUIET;
        else if (!options->debug && !wants_no_colour() && client_screen_is_smart(STDERR_FILENO)) {
                display->mode = DISPLAY_BLOCK;
                client_screen_init(&display->screen, stderr);
        }
}

/* Ends the current line, so that the next output starts on a new one. */
static void leave_line(ClientDisplay *display) {
        if (display->mode == DISPLAY_BLOCK)
                client_screen_erase(&display->screen);
        if (display->has_line) {
                (void) fputc('\n', stdout);
                (void) fflush(stdout);
        }
        display->has_line = false;
}

void client_display_done(ClientDisplay *display) {
        leave_line(display);
        if (display->screen.taskbar != TASKBAR_ERROR)
                client_screen_set_taskbar(&display->screen, TASKBAR_NONE, 0);
        free(display->source);
        free(display->last_phase);
        free(display->last_line);
        *display = (ClientDisplay){ 0 };
}

void client_display_job(ClientDisplay *display, const ClientJobHeader *job) {
        if (display->mode == DISPLAY_JSON)
                client_event_write_job(stdout, job);

        free(display->source);
        display->source = job->source ? text_printable(job->source) : NULL;
}

void client_display_details(ClientDisplay *display, const ClientDetails *details) {
        display->details = details;
}

/* Returns whether it is known now. */
static bool remember(ClientDisplay *display, const ClientProgress *progress) {
        char *phase = strdup(progress->phase);

        if (!phase)
                return false;

        free(display->last_phase);
        display->last_phase = phase;
        display->last = *progress;
        display->last.phase = phase;
        return true;
}

static void show_plain(ClientDisplay *display, const ClientProgress *progress) {
        char line[PROGRESS_LINE_MAX];

        /* The end is printed on its own line. */
        if (strcmp(progress->phase, "done") != 0 &&
            client_progress_is_due(&display->last, progress) && remember(display, progress))
                (void) fprintf(stderr, "%s\n", client_progress_format_plain(progress, line));
}

static void show_status(ClientDisplay *display, const ClientProgress *progress) {
        char line[PROGRESS_LINE_MAX];
        size_t width = text_columns(client_progress_format_status(progress, line)), columns, rows;
        char *copy;

        if (display->last_line && strcmp(display->last_line, line) == 0)
                return;
        copy = strdup(line);
        if (!copy)
                return;

        free(display->last_line);
        display->last_line = copy;

        if (display->is_redrawn) {
                client_screen_size(STDOUT_FILENO, &columns, &rows);
                (void) printf("\r%s%*s\r", line, columns > width ? (int) (columns - width) : 0, "");
                display->has_line = true;
        } else
                (void) printf("%s\n", line);
        (void) fflush(stdout);
}

static void show_taskbar(ClientDisplay *display) {
        unsigned percent = 0;
        const bool is_known = client_progress_percent(&display->last, &percent);

        client_screen_set_taskbar(
                &display->screen, is_known ? TASKBAR_SHARE : TASKBAR_BUSY, percent);
}

/* What was shown last, below @text, if that is not NULL. */
static void draw_block(ClientDisplay *display, const char *text) {
        const ClientBlockJob job = {
                .source = display->source ? display->source : "",
                .progress = &display->last,
                .details = display->details ? display->details : &DETAILS_NULL,
        };
        size_t columns, rows;
        ClientBlock block;

        client_screen_size(STDERR_FILENO, &columns, &rows);
        client_block_format(&job, columns, rows, &block);
        client_screen_draw(&display->screen, text, &block);
}

static void show_block(ClientDisplay *display, const ClientProgress *progress) {
        if (!remember(display, progress))
                return;

        draw_block(display, NULL);
        show_taskbar(display);
}

void client_display_refresh(ClientDisplay *display) {
        if (display->mode == DISPLAY_BLOCK && display->last_phase)
                draw_block(display, NULL);
}

void client_display_pause(ClientDisplay *display) {
        leave_line(display);
}

void client_display_progress(
        ClientDisplay *display, const char *id, const ClientProgress *progress) {
        _cleanup_(freep) char *phase = text_printable(progress->phase);
        ClientProgress printable = *progress;

        if (!phase)
                return;
        printable.phase = phase;

        /* A program wants to know that the job has ended; a person would take "Done" at 12% for success. */
        if (display->mode != DISPLAY_JSON && strcmp(phase, "done") == 0 && progress->fraction < 1)
                return;

        switch (display->mode) {
        case DISPLAY_JSON:
                client_event_write_progress(stdout, id, progress, display->details);
                break;
        case DISPLAY_STATUS:
                show_status(display, &printable);
                break;
        case DISPLAY_BLOCK:
                show_block(display, &printable);
                break;
        case DISPLAY_PLAIN:
                show_plain(display, &printable);
                break;
        case DISPLAY_QUIET:
                break;
        }
}

void client_display_message(
        ClientDisplay *display, const char *id, unsigned priority, const char *text) {
        _cleanup_(freep) char *printable = NULL, *line = NULL;
        bool is_warning = priority <= LOG_WARNING;

        if (display->mode == DISPLAY_JSON) {
                client_event_write_message(stdout, id, priority, text);
                return;
        }
        if (priority >= LOG_DEBUG && !display->is_debug)
                return;
        if (display->mode == DISPLAY_STATUS || (display->mode == DISPLAY_QUIET && !is_warning))
                return;

        printable = text_printable(text);
        if (!printable)
                return;
        if (asprintf(&line, is_warning ? _("Warning: %s\n") : "%s\n", printable) < 0) {
                line = NULL;
                return;
        }

        if (display->mode == DISPLAY_BLOCK && display->last_phase)
                draw_block(display, line);
        else {
                leave_line(display);
                (void) fputs(line, stderr);
        }
}

static void show_success(ClientDisplay *display, const char *destination) {
        const ClientReady ready = {
                .source = display->source ? display->source : "",
                .destination = destination,
                .details = display->details ? display->details : &DETAILS_NULL,
        };
        _cleanup_(freep) char *text = NULL;
        size_t columns, rows;

        if (display->mode != DISPLAY_PLAIN && display->mode != DISPLAY_BLOCK)
                return;

        client_screen_size(STDERR_FILENO, &columns, &rows);
        text = client_ready_format(&ready, isatty(STDERR_FILENO) ? columns : 0);
        if (text)
                (void) fprintf(stderr, "%s\n", text);
}

void client_display_finished(
        ClientDisplay *display,
        const char *id,
        const ClientOutcome *outcome,
        const char *destination) {
        const int status = client_outcome_status(outcome, true);
        _cleanup_(freep) char *message = NULL;

        leave_line(display);
        /* It stays, since the user may look at another window. */
        if (display->screen.has_taskbar && display->last_phase && status == STATUS_FAILED)
                client_screen_set_taskbar(&display->screen, TASKBAR_ERROR, display->screen.percent);
        if (display->mode == DISPLAY_JSON)
                client_event_write_finished(stdout, id, outcome, display->details);

        if (status == STATUS_DONE) {
                if (destination)
                        show_success(display, destination);
                return;
        }

        message = text_printable(outcome->message ? outcome->message : _("The job failed"));
        (void) fprintf(stderr, "virt-bootstrap: %s\n", message ? message : "Out of memory");
}
