/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "job-speed.h"

#define USEC_PER_SEC UINT64_C(1000000)

struct SpeedGuard {
        SpeedLimit limit;
        void (*slow)(void *userdata);
        void *userdata;         /* borrowed */
        sd_event_source *timer; /* owned; the end of the window */
        uint64_t bytes;
        uint64_t begin; /* bytes when the window began */
};

uint64_t speed_limit_bytes(const SpeedLimit *limit) {
        uint64_t bytes;

        if (__builtin_mul_overflow(limit->bytes_per_sec, limit->window_usec, &bytes))
                return UINT64_MAX;
        return bytes / USEC_PER_SEC;
}

static void begin_window(SpeedGuard *guard) {
        guard->begin = guard->bytes;
        if (guard->limit.bytes_per_sec == 0 || guard->limit.window_usec == 0)
                return;

        (void) sd_event_source_set_time_relative(guard->timer, guard->limit.window_usec);
        (void) sd_event_source_set_enabled(guard->timer, SD_EVENT_ONESHOT);
}

static int on_window_end(sd_event_source *source, uint64_t usec, void *userdata) {
        SpeedGuard *guard = userdata;

        begin_window(guard);
        /* The guard may be freed in there. */
        guard->slow(guard->userdata);
        return 0;
}

int speed_guard_new(
        sd_event *event,
        const SpeedLimit *limit,
        void (*slow)(void *userdata),
        void *userdata,
        SpeedGuard **ret,
        Error *error) {
        _cleanup_(speed_guard_freep) SpeedGuard *guard = malloc(sizeof(*guard));
        int r;

        if (!guard)
                return error_oom(error);

        *guard = (SpeedGuard){ .limit = *limit, .slow = slow, .userdata = userdata };
        r = sd_event_add_time(event, &guard->timer, CLOCK_MONOTONIC, 0, 0, on_window_end, guard);
        if (r >= 0)
                r = sd_event_source_set_enabled(guard->timer, SD_EVENT_OFF);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot watch a download");

        *ret = TAKE_PTR(guard);
        return 0;
}

SpeedGuard *speed_guard_free(SpeedGuard *guard) {
        if (!guard)
                return NULL;

        sd_event_source_disable_unref(guard->timer);
        free(guard);
        return NULL;
}

void speed_guard_begin(SpeedGuard *guard, uint64_t bytes) {
        guard->bytes = bytes;
        begin_window(guard);
}

bool speed_guard_move(SpeedGuard *guard, uint64_t bytes) {
        guard->bytes = bytes;
        if (bytes < guard->begin || bytes - guard->begin < speed_limit_bytes(&guard->limit))
                return false;

        begin_window(guard);
        return true;
}

void speed_guard_end(SpeedGuard *guard) {
        (void) sd_event_source_set_enabled(guard->timer, SD_EVENT_OFF);
}
