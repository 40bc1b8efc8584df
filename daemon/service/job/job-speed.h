/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether bytes arrive fast enough.
 *
 *     job_speed_guard_new() ─▶ job_speed_guard_begin() ─▶ job_speed_guard_move()* ─▶ job_speed_guard_end()
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct JobSpeedGuard JobSpeedGuard;

typedef struct JobSpeedLimit {
        uint64_t bytes_per_sec; /* 0: no limit */
        uint64_t window_usec;   /* averaged over this time; 0: no limit */
} JobSpeedLimit;

/** job_speed_limit_bytes() - how many bytes must arrive in a window */
uint64_t job_speed_limit_bytes(const JobSpeedLimit *limit);

/**
 * job_speed_guard_new() - a guard that does not watch yet
 * @event:      borrowed, as is @userdata
 * @slow:       called at the end of each window in which too few bytes arrived
 */
int job_speed_guard_new(
        sd_event *event,
        const JobSpeedLimit *limit,
        void (*slow)(void *userdata),
        void *userdata,
        JobSpeedGuard **ret,
        Error *error);

/** job_speed_guard_free() - release @guard */
JobSpeedGuard *job_speed_guard_free(JobSpeedGuard *guard);

/** job_speed_guard_begin() - watch from now on; @bytes have already arrived */
void job_speed_guard_begin(JobSpeedGuard *guard, uint64_t bytes);

/**
 * job_speed_guard_move() - report that @bytes have arrived by now
 *
 * Return: whether these were enough for a window: then the next one begins.
 */
bool job_speed_guard_move(JobSpeedGuard *guard, uint64_t bytes);

/** job_speed_guard_wait() - if it watches, begin another window, which is @usec longer (0: keep the old one) */
void job_speed_guard_wait(JobSpeedGuard *guard, uint64_t usec);

/** job_speed_guard_end() - stop watching */
void job_speed_guard_end(JobSpeedGuard *guard);

DEFINE_CLEANUP(JobSpeedGuard, job_speed_guard_free);
