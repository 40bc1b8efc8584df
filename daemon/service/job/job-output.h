/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a worker has for the log: its standard output and standard error, on which it normally prints nothing. The daemon reads them
 * from a pipe, and logs them as lines that name their origin. They are errors, since a worker that prints
 * something is about to die. Lines are printable UTF-8 and limited in length; the worker cannot fill the log,
 * keep the daemon busy, or block forever.
 *
 * It may also report what it does (PROTO_TRACE). These lines are for the debug level, and are limited as well.
 *
 * In the journal they have the fields VIRTBOOTSTRAP_STEP= and, if it works for a job, VIRTBOOTSTRAP_JOB=.
 */

#include <stddef.h>
#include <systemd/sd-event.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "base-log.h"

#define OUTPUT_LINE_MAX       ((size_t) 1024)     /* bytes of a line; the rest is omitted */
#define OUTPUT_BYTES_MAX      ((size_t) 64 << 10) /* of a worker; sanitizer reports are smaller */
#define OUTPUT_LINES_MAX      ((size_t) 256)      /* of a worker, empty ones not counted */
#define OUTPUT_TRACES_MAX     ((size_t) 10000)    /* lines of a worker about what it does, … */
#define OUTPUT_TRACES_PER_SEC ((size_t) 200)      /* … and of these in one second */
#define OUTPUT_PAUSE_USEC     UINT64_C(1000) /* between two reads if a worker prints more than that */

typedef struct JobOutput JobOutput;

typedef struct JobOutputSource {
        const char *step; /* borrowed as long as the output, as is @job */
        const char *job;  /* id; NULL if it works for several jobs, or none */
} JobOutputSource;

/**
 * job_output_new() - create a pipe for a worker
 * @event:      borrowed, as is @log, as long as the output
 * @ret_fd:     the worker's end; owned by the caller
 */
int job_output_new(
        sd_event *event,
        const Log *log,
        const JobOutputSource *source,
        int *ret_fd,
        JobOutput **ret);

/** job_output_trace() - log what the worker says that it does, at the debug level, unless it says too much */
void job_output_trace(JobOutput *output, const char *text);

/** job_output_free() - log the output so far, and release @output */
JobOutput *job_output_free(JobOutput *output);

DEFINE_CLEANUP(JobOutput, job_output_free);
