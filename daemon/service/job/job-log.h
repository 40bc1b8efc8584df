/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lines of the log about a job: one when it starts, one when it has ended, and at the debug level what it does.
 *
 * In the journal, the first two have the fields of virt-bootstrapd(8), so that it answers what was put where, from
 * which digest, by whom, and when. The client reads them there.
 */

#include "base-log.h"
#include "job-spec.h"

/* What is known of a job; borrowed. */
typedef struct JobLogEntry {
        const char *id;
        const JobSpec *spec;
        const char *state;    /* "finished", "failed" or "cancelled"; NULL when it starts, … */
        const char *result;   /* "done", "failed" or "cancelled"; … as this one */
        const Error *error;   /* empty unless it failed or was cancelled */
        const Digest *digest; /* NULL if not known */
        uint64_t downloaded, unpacked; /* bytes */
        uint64_t usec;                 /* since it started, or was accepted if it has not started */
} JobLogEntry;

/** job_log() - log the start or the end of a job */
void job_log(const Log *log, const JobLogEntry *entry);

/**
 * job_log_debug() - log what is done, at the debug level
 * @job:        the id of the job for which; NULL if for several, or none
 */
void job_log_debug(const Log *log, const char *job, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));
