/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An event loop, a store, and worker processes: the real ones, or fake-worker.c, which does what the
 * environment variable FAKE_WORKER says. */

#include "test-store.h"

#include <signal.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "job-process.h"

#define LOOP_SECONDS_MAX 30

typedef struct JobFixture {
        StoreFixture *store_fixture;
        Scratch *scratch; /* borrowed from it, as is @store */
        Store *store;
        sd_event *event;
        Log log;
        Config config;
        ProcessContext context;
} JobFixture;

static inline void job_fixture_init(JobFixture *f) {
        void *state;

        (void) signal(SIGPIPE, SIG_IGN);
        /* In its sandbox a worker cannot look for leaks. */
        (void) setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
        assert_int_equal(store_set_up(&state), 0);
        f->store_fixture = state;
        f->scratch = &f->store_fixture->scratch;
        f->store = f->store_fixture->store;
        assert_true(sd_event_new(&f->event) >= 0);
        log_init(&f->log, getenv("TEST_LOG") ? 7 : -1);
        f->config = CONFIG_DEFAULT;
        f->context = (ProcessContext){
                .event = f->event,
                .worker_path = TEST_WORKER_PATH,
                .config = &f->config,
                .log = &f->log,
        };
}

static inline void job_fixture_done(JobFixture *f) {
        void *state = f->store_fixture;

        unsetenv("FAKE_WORKER");
        sd_event_unref(f->event);
        assert_int_equal(store_tear_down(&state), 0);
}

static inline void use_fake_worker(JobFixture *f, const char *mode) {
        assert_int_equal(setenv("FAKE_WORKER", mode, 1), 0);
        f->context.worker_path = TEST_FAKE_WORKER_PATH;
}

/* Runs the loop until @is_done; it must not take forever. */
static inline void loop_until(JobFixture *f, bool (*is_done)(void *userdata), void *userdata) {
        time_t end = time(NULL) + LOOP_SECONDS_MAX;

        while (!is_done(userdata)) {
                assert_true(time(NULL) < end);
                assert_true(sd_event_run(f->event, 100000) >= 0);
        }
}

/* Runs the loop until nothing happens any more for a while. */
static inline void loop_settle(JobFixture *f) {
        while (sd_event_run(f->event, 150000) > 0)
                ;
}
