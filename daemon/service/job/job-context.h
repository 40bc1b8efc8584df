/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The context that all jobs of a daemon share.
 *
 *     JobContext context = { .event = …, … };
 *     job_context_init(&context) ─▶ queue, recovery, calls ─▶ job_context_done(&context)
 */

#include <systemd/sd-event.h>

#include "base-closer.h"
#include "base-fork.h"
#include "base-log.h"
#include "base-macro.h"
#include "config.h"
#include "store.h"

typedef struct JobBlobTable JobBlobTable;
typedef struct JobSpares JobSpares;
typedef struct JobTaskPool JobTaskPool;
typedef struct JobUserTable JobUserTable;

/* For the second of two workers on a pipe to report its reason. */
#define JOB_VERDICT_USEC (30 * USEC_PER_SEC)

typedef struct JobContext {
        /* Borrowed: set by the creator of the context. */
        sd_event *event;
        Store *store;
        const Config *config;
        const Log *log;
        const char *workers;             /* directory of the programs virt-bootstrap-KIND */
        const char *temporary_directory; /* for files that are not kept */
        const ForkSlots *slots;          /* if NULL, workers inherit all descriptors */
        uint64_t verdict_usec;           /* if 0, JOB_VERDICT_USEC; tests set a shorter time */

        /* Owned, from job_context_init() on. */
        JobUserTable *users; /* users that workers become */
        JobBlobTable *blobs; /* in transfer to the store */
        JobTaskPool *tasks;  /* threads, for operations that may take forever */
        Closer *closer; /* for descriptors of callers, and copies of these in unsent messages */

        JobSpares *spares; /* borrowed; in a job's copy what was started ahead, or NULL */
        const char *job;   /* borrowed; in a job's copy its id, for the log; else NULL */
} JobContext;

/** job_context_init() - create what @context owns; it must not be moved; call job_context_done()
 * even on failure */
int job_context_init(JobContext *context, Error *error);

/** job_context_done() - release what @context owns, after its last use */
void job_context_done(JobContext *context);
