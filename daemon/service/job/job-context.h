/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What all jobs of a daemon share.
 *
 *     JobContext context = { .event = …, … };
 *     job_context_init(&context) ─▶ queue, recovery, calls ─▶ job_context_done(&context)
 */

#include <systemd/sd-event.h>

#include "base-closer.h"
#include "base-fork.h"
#include "base-log.h"
#include "config.h"
#include "store.h"

typedef struct JobBlobTable JobBlobTable;
typedef struct JobTaskPool JobTaskPool;
typedef struct JobUserTable JobUserTable;

typedef struct JobContext {
        /* Borrowed: who makes the context sets these. */
        sd_event *event;
        Store *store;
        const Config *config;
        const Log *log;
        const char *workers;             /* the directory of the programs virt-bootstrap-KIND */
        const char *temporary_directory; /* for what is not to be kept */
        const ForkSlots *slots;          /* NULL: workers are forked with all descriptors */

        /* Owned, from job_context_init() on. */
        JobUserTable *users; /* whom workers become */
        JobBlobTable *blobs; /* on their way into the store */
        JobTaskPool *tasks;  /* threads, for what may take for ever */
        Closer *closer;      /* for descriptors of callers, and copies that wait to be sent */

        const char *job; /* borrowed; a job has a copy, with its id for the log; NULL: nobody's */
} JobContext;

/** job_context_init() - make what @context, which has to stay where it is, owns; a failure leaves what
 * job_context_done() releases */
int job_context_init(JobContext *context, Error *error);

/** job_context_done() - release what @context owns; nobody uses it any more */
void job_context_done(JobContext *context);
