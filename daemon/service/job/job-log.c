/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "base-macro.h"
#include "base-text.h"
#include "dbus-names.h"
#include "job-log.h"

#define LINE_MAX_BYTES 1024

static void send_to_journal(const JobLogEntry *entry, int priority, const char *text) {
        const JobSpec *spec = entry->spec;
        char digest[DIGEST_STRING_MAX] = "";

        if (entry->digest)
                (void) digest_format(entry->digest, digest);
        (void) sd_journal_send(
                "MESSAGE=%s", text, "PRIORITY=%d", priority, "MESSAGE_ID=%s",
                entry->state ? JOURNAL_JOB_ENDED : JOURNAL_JOB_STARTED, "VIRTBOOTSTRAP_JOB=%s",
                entry->id, "VIRTBOOTSTRAP_SOURCE=%s", spec->source, "VIRTBOOTSTRAP_DESTINATION=%s",
                spec->destination, "VIRTBOOTSTRAP_FORMAT=%s", job_format_to_string(spec->format),
                "VIRTBOOTSTRAP_CALLER_UID=%u", spec->owner, "VIRTBOOTSTRAP_RESULT=%s",
                entry->result ? entry->result : "", "VIRTBOOTSTRAP_ERROR=%s",
                entry->error->code != 0 ? error_kind_to_bus_name(entry->error->kind) : "",
                "VIRTBOOTSTRAP_DIGEST=%s", digest, "VIRTBOOTSTRAP_DOWNLOADED_BYTES=%" PRIu64,
                entry->downloaded, "VIRTBOOTSTRAP_UNPACKED_BYTES=%" PRIu64, entry->unpacked,
                "VIRTBOOTSTRAP_USEC=%" PRIu64, entry->usec, NULL);
}

/* "docker://debian:12 to /srv/debian (dir), for user 0" */
static int describe(const JobSpec *spec, char **ret) {
        return asprintf(
                ret, "%s to %s (%s), for user %u", spec->source, spec->destination,
                job_format_to_string(spec->format), spec->owner);
}

static int describe_end(const JobLogEntry *entry, const char *what, char **ret) {
        const double seconds = (double) entry->usec / USEC_PER_SEC;
        char digest[DIGEST_STRING_MAX] = "";

        if (entry->error->code != 0)
                return asprintf(
                        ret, "Job %s: %s after %.1f s: %s: %s", entry->id, entry->state, seconds,
                        what, error_text(entry->error));
        if (entry->digest)
                (void) digest_format(entry->digest, digest);
        return asprintf(
                ret,
                "Job %s: %s after %.1f s: %s%s%s; %" PRIu64 " bytes downloaded, %" PRIu64
                " unpacked",
                entry->id, entry->state, seconds, what, entry->digest ? "; " : "", digest,
                entry->downloaded, entry->unpacked);
}

void job_log(const Log *log, const JobLogEntry *entry) {
        const int priority =
                entry->result && strcmp(entry->result, "failed") == 0 ? LOG_NOTICE : LOG_INFO;
        _cleanup_(freep) char *what = NULL;
        _cleanup_(freep) char *text = NULL;
        int r;

        if (!log || priority > log->level)
                return;
        if (describe(entry->spec, &what) < 0) {
                what = NULL;
                return;
        }

        r = entry->state ? describe_end(entry, what, &text)
                         : asprintf(&text, "Job %s: started: %s", entry->id, what);
        if (r < 0) {
                text = NULL;
                return;
        }

        text_make_printable(text);
        if (log->has_priorities)
                send_to_journal(entry, priority, text);
        else
                log_print(log, priority, "%s", text);
}

void job_log_debug(const Log *log, const char *job, const char *format, ...) {
        char text[LINE_MAX_BYTES];
        va_list ap;

        if (!log || log->level < LOG_DEBUG)
                return;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        text_make_printable(text);

        if (!job)
                log_print(log, LOG_DEBUG, "%s", text);
        else if (
                !log->has_priorities || sd_journal_send(
                                                "MESSAGE=Job %s: %s", job, text, "PRIORITY=%d",
                                                LOG_DEBUG, "VIRTBOOTSTRAP_JOB=%s", job, NULL) < 0)
                log_print(log, LOG_DEBUG, "Job %s: %s", job, text);
}
