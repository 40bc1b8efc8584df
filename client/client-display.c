/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <syslog.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "client-display.h"
#include "client-intl.h"

#define COLUMNS_DEFAULT 80

static bool is_smart_terminal(int fd) {
        const char *term = getenv("TERM");

        return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

/* no-color.org: any value except the empty one. */
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
        else if (!options->debug && is_smart_terminal(STDERR_FILENO)) {
                display->mode = DISPLAY_BAR;
                display->is_redrawn = true;
                display->is_coloured = !wants_no_colour();
        }
}

static size_t terminal_columns(int fd) {
        struct winsize size;

        return ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 ? COLUMNS_DEFAULT : size.ws_col;
}

/* Ends the current line, so that the next output starts on a new one. */
static void leave_line(ClientDisplay *display) {
        if (!display->has_line)
                return;

        if (display->mode == DISPLAY_BAR)
                (void) fputs("\r\033[K", stderr);
        else {
                (void) fputc('\n', stdout);
                (void) fflush(stdout);
        }
        display->has_line = false;
}

void client_display_done(ClientDisplay *display) {
        leave_line(display);
        free(display->last_phase);
        free(display->last_line);
        *display = (ClientDisplay){ 0 };
}

void client_display_job(ClientDisplay *display, const ClientJobHeader *job) {
        if (display->mode == DISPLAY_JSON)
                client_event_write_job(stdout, job);
}

static void show_plain(ClientDisplay *display, const ClientProgress *progress) {
        char line[PROGRESS_LINE_MAX];
        char *phase;

        /* The end is printed on its own line. */
        if (strcmp(progress->phase, "done") == 0 ||
            !client_progress_is_due(&display->last, progress))
                return;

        phase = strdup(progress->phase);
        if (!phase)
                return;

        (void) fprintf(stderr, "%s\n", client_progress_format_plain(progress, line));
        free(display->last_phase);
        display->last_phase = phase;
        display->last = *progress;
        display->last.phase = phase;
}

static void show_status(ClientDisplay *display, const ClientProgress *progress) {
        char line[PROGRESS_LINE_MAX];
        size_t width = text_columns(client_progress_format_status(progress, line)), columns;
        char *copy;

        if (display->last_line && strcmp(display->last_line, line) == 0)
                return;
        copy = strdup(line);
        if (!copy)
                return;

        free(display->last_line);
        display->last_line = copy;

        if (display->is_redrawn) {
                columns = terminal_columns(STDOUT_FILENO);
                (void) printf("\r%s%*s\r", line, columns > width ? (int) (columns - width) : 0, "");
                display->has_line = true;
        } else
                (void) printf("%s\n", line);
        (void) fflush(stdout);
}

static void show_bar(ClientDisplay *display, const ClientProgress *progress) {
        char line[PROGRESS_LINE_MAX];

        client_progress_format_bar(
                progress, terminal_columns(STDERR_FILENO), display->is_coloured, line);
        (void) fprintf(stderr, "\r%s\033[K", line);
        (void) fflush(stderr);
        display->has_line = true;
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
                client_event_write_progress(stdout, id, progress);
                break;
        case DISPLAY_STATUS:
                show_status(display, &printable);
                break;
        case DISPLAY_BAR:
                show_bar(display, &printable);
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
        _cleanup_(freep) char *printable = NULL;
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

        leave_line(display);
        (void) fprintf(stderr, is_warning ? _("Warning: %s\n") : "%s\n", printable);
}

static void show_success(ClientDisplay *display, const char *digest, const char *destination) {
        _cleanup_(freep) char *printable = text_printable(destination);

        if (!printable || (display->mode != DISPLAY_PLAIN && display->mode != DISPLAY_BAR))
                return;

        if (digest && *digest)
                (void) fprintf(stderr, _("%s is ready (%s)\n"), printable, digest);
        else
                (void) fprintf(stderr, _("%s is ready\n"), printable);
}

void client_display_finished(
        ClientDisplay *display,
        const char *id,
        const ClientOutcome *outcome,
        const char *digest,
        const char *destination) {
        _cleanup_(freep) char *message = NULL;

        leave_line(display);
        if (display->mode == DISPLAY_JSON)
                client_event_write_finished(stdout, id, outcome, digest);

        if (client_outcome_status(outcome, true) == STATUS_DONE) {
                if (destination)
                        show_success(display, digest, destination);
                return;
        }

        message = text_printable(outcome->message ? outcome->message : _("The job failed"));
        (void) fprintf(stderr, "virt-bootstrap: %s\n", message ? message : "Out of memory");
}
