/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "base-macro.h"
#include "job-speed.h"

struct JobSpeedGuard {
        JobSpeedLimit limit;
        void (*slow)(void *userdata);
        void *userdata;         /* borrowed */
        sd_event_source *timer; /* owned; the end of the window */
        uint64_t bytes;
        uint64_t begin; /* bytes when the window began */
};

uint64_t job_speed_limit_bytes(const JobSpeedLimit *limit) {
        uint64_t bytes;

        if (__builtin_mul_overflow(limit->bytes_per_sec, limit->window_usec, &bytes))
                return UINT64_MAX;
        return bytes / USEC_PER_SEC;
}

static void begin_window_of(JobSpeedGuard *guard, uint64_t usec) {
        guard->begin = guard->bytes;
        if (guard->limit.bytes_per_sec == 0 || guard->limit.window_usec == 0)
                return;

        (void) sd_event_source_set_time_relative(guard->timer, usec);
        (void) sd_event_source_set_enabled(guard->timer, SD_EVENT_ONESHOT);
}

static void begin_window(JobSpeedGuard *guard) {
        begin_window_of(guard, guard->limit.window_usec);
}

static int on_window_end(sd_event_source *source, uint64_t usec, void *userdata) {
        JobSpeedGuard *guard = userdata;

        begin_window(guard);
        /* The guard may be freed in there. */
        guard->slow(guard->userdata);
        return 0;
}

int job_speed_guard_new(
        sd_event *event,
        const JobSpeedLimit *limit,
        void (*slow)(void *userdata),
        void *userdata,
        JobSpeedGuard **ret,
        Error *error) {
        _cleanup_(job_speed_guard_freep) JobSpeedGuard *guard = malloc(sizeof(*guard));
        int r;

        if (!guard)
                return error_oom(error);

        *guard = (JobSpeedGuard){ .limit = *limit, .slow = slow, .userdata = userdata };
        r = sd_event_add_time(event, &guard->timer, CLOCK_MONOTONIC, 0, 0, on_window_end, guard);
        if (r >= 0)
                r = sd_event_source_set_enabled(guard->timer, SD_EVENT_OFF);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot watch a download");

        *ret = TAKE_PTR(guard);
        return 0;
}

JobSpeedGuard *job_speed_guard_free(JobSpeedGuard *guard) {
        if (!guard)
                return NULL;

        sd_event_source_disable_unref(guard->timer);
        free(guard);
        return NULL;
}

void job_speed_guard_begin(JobSpeedGuard *guard, uint64_t bytes) {
        guard->bytes = bytes;
        begin_window(guard);
}

bool job_speed_guard_move(JobSpeedGuard *guard, uint64_t bytes) {
        guard->bytes = bytes;
        if (bytes < guard->begin || bytes - guard->begin < job_speed_limit_bytes(&guard->limit))
                return false;

        begin_window(guard);
        return true;
}

void job_speed_guard_wait(JobSpeedGuard *guard, uint64_t usec) {
        if (usec > 0 && sd_event_source_get_enabled(guard->timer, NULL) > 0)
                begin_window_of(guard, guard->limit.window_usec + usec);
}

void job_speed_guard_end(JobSpeedGuard *guard) {
        (void) sd_event_source_set_enabled(guard->timer, SD_EVENT_OFF);
}
