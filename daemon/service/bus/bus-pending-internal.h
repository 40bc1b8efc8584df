/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the calls that take a while have in common. */

#include "bus-internal.h"
#include "job-fetch.h"
#include "job-tags.h"
#include "job-task.h"

/* Of Cache.Verify. */
typedef struct BusPendingVerify BusPendingVerify;

struct BusPending {
        BusPending *next;     /* owned */
        BusServer *server;    /* borrowed */
        sd_bus_message *call; /* owned */
        sd_bus_track *caller; /* owned; see bus_access_track() */
        JobTask *task;        /* owned; accesses paths of others */

        sd_event_source *deadline; /* owned; of Inspect and ListTags: BUS_PENDING_USEC */
        JobSpec *spec;             /* owned; of Inspect, as the next ones */
        JobFetch *fetch;
        JobTags *tags;            /* owned; of ListTags */
        BusPendingVerify *verify; /* owned; of Verify, and what frees it */
        void (*free_verify)(BusPendingVerify *verify);
};

/** bus_pending_new() - begin with a call; -ENOBUFS (ERROR_QUEUE_FULL) if there are BUS_PENDING_MAX */
int bus_pending_new(BusServer *server, sd_bus_message *call, BusPending **ret, Error *error);

/** bus_pending_free() - forget a call, answered or not */
void bus_pending_free(BusPending *pending);

/** bus_pending_answer_error() - answer a call with @error; then free it */
void bus_pending_answer_error(BusPending *pending, const Error *error);
