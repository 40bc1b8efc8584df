/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a worker prints on standard output and standard error, which is nothing as long as all is well: a pipe
 * that the daemon reads, so that what comes from there is no more than lines of the log which say where they
 * come from, as errors: a worker that has something to print is about to die. They are printable UTF-8 and
 * cut; the worker cannot fill the log, keep the daemon busy, or be kept waiting for good.
 *
 * In the journal they have the fields VIRT_BOOTSTRAP_STEP=, and VIRT_BOOTSTRAP_JOB= when it works for one.
 */

#include <stddef.h>
#include <systemd/sd-event.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "base-log.h"

#define OUTPUT_LINE_MAX   ((size_t) 1024)     /* bytes of a line; the rest of it is left out */
#define OUTPUT_BYTES_MAX  ((size_t) 64 << 10) /* of a worker; a report of a sanitizer is smaller */
#define OUTPUT_LINES_MAX  ((size_t) 256)      /* of a worker, empty ones not counted */
#define OUTPUT_PAUSE_USEC UINT64_C(1000) /* between two reads when a worker prints more than that */

typedef struct JobOutput JobOutput;

typedef struct JobOutputSource {
        const char *step; /* borrowed as long as the output, as is @job */
        const char *job;  /* id; NULL: it works for several, or none */
} JobOutputSource;

/**
 * job_output_new() - a pipe for a worker
 * @event:      borrowed, as is @log, as long as the output
 * @ret_fd:     where it prints; owned by the caller
 *
 * Return: 0, or a negative errno.
 */
int job_output_new(
        sd_event *event,
        const Log *log,
        const JobOutputSource *source,
        int *ret_fd,
        JobOutput **ret);

/** job_output_free() - log what came so far, and release @output (may be NULL) */
JobOutput *job_output_free(JobOutput *output);

DEFINE_CLEANUP(JobOutput, job_output_free);
