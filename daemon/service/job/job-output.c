/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base-clock.h"
#include "base-macro.h"
#include "base-text.h"
#include "job-output.h"

#define READ_BYTES      ((size_t) 64 << 10) /* what a pipe holds */
#define PREFIX_MAX      ((size_t) 128)      /* bytes of the prefix of each line */
#define CUT_MARK        " (cut)"
#define READS_AT_END    4 /* a worker's orphans may print forever */
#define PRIORITY_DIGITS 3 /* at most, of "<3>" */

struct JobOutput {
        const Log *log; /* borrowed */
        JobOutputSource source;
        int fd;                  /* owned; the reading end */
        sd_event_source *io;     /* owned */
        sd_event_source *resume; /* owned; armed while it may not print */
        char line[OUTPUT_LINE_MAX + sizeof(CUT_MARK)];
        size_t size;    /* bytes of @line */
        bool is_cut;    /* the rest of the line is omitted */
        size_t n_read;  /* bytes; not counted beyond OUTPUT_BYTES_MAX */
        size_t n_lines; /* that are in the log */
        bool is_full;   /* it has exceeded either limit */

        size_t n_traces;
        size_t n_recent;      /* of these, in the second that began then: */
        uint64_t recent_usec; /* CLOCK_MONOTONIC */
};

static void log_line(const JobOutput *output, int priority, const char *line) {
        const char *job = output->source.job, *step = output->source.step;
        char text[PREFIX_MAX + sizeof(output->line)];

        if (job)
                (void) snprintf(text, sizeof(text), "Job %s, %s worker: %s", job, step, line);
        else
                (void) snprintf(text, sizeof(text), "The %s worker: %s", step, line);

        if (output->log && output->log->has_priorities && output->log->level >= priority &&
            sd_journal_send(
                    "MESSAGE=%s", text, "PRIORITY=%i", priority,
                    "SYSLOG_IDENTIFIER=virt-bootstrapd", "VIRTBOOTSTRAP_STEP=%s", step,
                    job ? "VIRTBOOTSTRAP_JOB=%s" : NULL, job, NULL) >= 0)
                return;
        log_print(output->log, priority, "%s", text);
}

/* "<3>" and the like, which syslog and the journal would interpret as a priority. */
static const char *skip_priorities(const char *line) {
        for (;;) {
                size_t n = 1;

                if (line[0] != '<')
                        return line;
                while (n <= PRIORITY_DIGITS && isdigit((unsigned char) line[n]))
                        n++;
                if (n == 1 || line[n] != '>')
                        return line;
                line += n + 1;
        }
}

static void fill_up(JobOutput *output) {
        if (!output->is_full)
                log_line(output, LOG_ERR, "It prints too much; the rest is omitted");
        output->is_full = true;
}

static void add_line(JobOutput *output, const char *line) {
        if (output->n_lines == OUTPUT_LINES_MAX) {
                fill_up(output);
                return;
        }

        output->n_lines++;
        log_line(output, LOG_ERR, line);
}

static void end_line(JobOutput *output) {
        const char *line;

        /* Removes an incomplete character at the end, and invalid bytes. */
        output->line[output->size] = '\0';
        text_make_printable(output->line);
        if (output->is_cut)
                strcat(output->line, CUT_MARK);
        line = skip_priorities(output->line);
        if (line[0] != '\0')
                add_line(output, line);
        output->size = 0;
        output->is_cut = false;
}

static void add(JobOutput *output, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (data[i] == '\n' || data[i] == '\r' || data[i] == '\0')
                        end_line(output);
                else if (output->size < OUTPUT_LINE_MAX)
                        output->line[output->size++] = data[i];
                else
                        output->is_cut = true;
}

static void take_in(JobOutput *output, const char *data, size_t size) {
        const size_t room = OUTPUT_BYTES_MAX - output->n_read;

        if (output->is_full)
                return;

        add(output, data, size < room ? size : room);
        output->n_read += size < room ? size : room;
        if (size > room) {
                end_line(output);
                fill_up(output);
        }
}

/* Returns 1; 0 at the end; -EAGAIN if there is nothing now. */
static int read_some(JobOutput *output) {
        char data[READ_BYTES];
        ssize_t n = read(output->fd, data, sizeof(data));

        if (n > 0)
                take_in(output, data, (size_t) n);
        return n < 0 ? -errno : n > 0;
}

static int on_readable(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        JobOutput *output = userdata;
        int r;

        r = read_some(output);
        if (r == 0)
                (void) sd_event_source_set_enabled(output->io, SD_EVENT_OFF);

        /* It may continue, but slowly. */
        if (r > 0 && output->is_full) {
                (void) sd_event_source_set_enabled(output->io, SD_EVENT_OFF);
                (void) sd_event_source_set_time_relative(output->resume, OUTPUT_PAUSE_USEC);
                (void) sd_event_source_set_enabled(output->resume, SD_EVENT_ONESHOT);
        }
        return 0;
}

static int on_resume(sd_event_source *resume, uint64_t usec, void *userdata) {
        JobOutput *output = userdata;

        (void) sd_event_source_set_enabled(output->io, SD_EVENT_ON);
        return 0;
}

void job_output_trace(JobOutput *output, const char *text) {
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);

        if (!output->log || output->log->level < LOG_DEBUG)
                return;

        if (now - output->recent_usec >= USEC_PER_SEC) {
                output->recent_usec = now;
                output->n_recent = 0;
        }
        if (output->n_traces > OUTPUT_TRACES_MAX || output->n_recent > OUTPUT_TRACES_PER_SEC)
                return;

        output->n_traces++;
        output->n_recent++;
        if (output->n_traces > OUTPUT_TRACES_MAX)
                text = "It reports too much; the rest is omitted";
        else if (output->n_recent > OUTPUT_TRACES_PER_SEC)
                text = "It reports too much; the rest of this second is omitted";
        log_line(output, LOG_DEBUG, text);
}

static int watch(JobOutput *output, sd_event *event) {
        int r;

        r = sd_event_add_io(event, &output->io, output->fd, EPOLLIN, on_readable, output);
        if (r >= 0)
                r = sd_event_add_time(
                        event, &output->resume, CLOCK_MONOTONIC, 0, 1, on_resume, output);
        if (r >= 0)
                r = sd_event_source_set_enabled(output->resume, SD_EVENT_OFF);
        return r;
}

int job_output_new(
        sd_event *event,
        const Log *log,
        const JobOutputSource *source,
        int *ret_fd,
        JobOutput **ret) {
        _cleanup_(job_output_freep) JobOutput *output = malloc(sizeof(*output));
        _cleanup_(closep) int write_fd = -EBADF;
        int fds[2], r;

        if (!output)
                return -ENOMEM;

        *output = (JobOutput){ .log = log, .source = *source, .fd = -EBADF };
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        output->fd = fds[0];
        write_fd = fds[1];
        if (fcntl(output->fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = watch(output, event);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(write_fd);
        *ret = TAKE_PTR(output);
        return 0;
}

JobOutput *job_output_free(JobOutput *output) {
        if (!output)
                return NULL;

        if (output->fd >= 0) {
                for (unsigned i = 0; i < READS_AT_END && read_some(output) > 0; i++)
                        ;
                end_line(output);
        }
        sd_event_source_disable_unref(output->io);
        sd_event_source_disable_unref(output->resume);
        closep(&output->fd);
        free(output);
        return NULL;
}
