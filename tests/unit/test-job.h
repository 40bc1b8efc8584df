/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An event loop, a store, and worker processes: the real ones, or fake-worker.c, which does what the
 * environment variable FAKE_WORKER says. */

#include "test-store.h"

#include <signal.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "job-queue.h"

#define LOOP_SECONDS_MAX 30
#define TAR_BLOCK        512

typedef struct JobFixture {
        StoreFixture *store_fixture;
        Scratch *scratch; /* borrowed from it, as is @store */
        Store *store;
        sd_event *event;
        Log log;
        Config config;
        JobContext context;
        JobUserTable *users; /* who have none of this machine's locks */
        char locks[256];
} JobFixture;

/* Has workers be @worker or @builder where these exist, or of the configured range. */
void use_users(JobFixture *f, const char *worker, const char *builder);

void job_fixture_init(JobFixture *f);

void job_fixture_done(JobFixture *f);

void use_fake_worker(JobFixture *f, const char *mode);

/* Runs the loop until @is_done; it must not take forever. */
void loop_until(JobFixture *f, bool (*is_done)(void *userdata), void *userdata);

/* What was killed is reaped when it is gone. */
bool has_no_child(void *userdata);

/* The processes that this one has started, and not reaped: @pids gets the first @max of them; returns how many that is. */
size_t list_children(pid_t *pids, size_t max);

/* Runs the loop until nothing happens any more for a while. */
void loop_settle(JobFixture *f);

/* A tar archive with one file, in FAKE_LAYER. */
void make_layer(JobFixture *f, const char *name, const char *content);

void need_root(void);

/* As the bus does it: looks at the destination, and adds the job. */
int add_job(JobQueue *queue, JobSpec *spec, Job **ret, Error *error);
