/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether bytes come fast enough.
 *
 *     speed_guard_new() ─▶ speed_guard_begin() ─▶ speed_guard_move()* ─▶ speed_guard_end()
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct SpeedGuard SpeedGuard;

typedef struct SpeedLimit {
        uint64_t bytes_per_sec; /* 0: any is fast enough */
        uint64_t window_usec;   /* for so long; 0: the same */
} SpeedLimit;

/** speed_limit_bytes() - how many bytes have to come in a window */
uint64_t speed_limit_bytes(const SpeedLimit *limit);

/**
 * speed_guard_new() - a guard that does not watch yet
 * @event:      borrowed, as is @userdata
 * @slow:       called at the end of each window in which too few bytes came
 *
 * Return: 0, or a negative errno with @error set.
 */
int speed_guard_new(
        sd_event *event,
        const SpeedLimit *limit,
        void (*slow)(void *userdata),
        void *userdata,
        SpeedGuard **ret,
        Error *error);

/** speed_guard_free() - release @guard (may be NULL) */
SpeedGuard *speed_guard_free(SpeedGuard *guard);

/** speed_guard_begin() - watch from now on; @bytes are there already */
void speed_guard_begin(SpeedGuard *guard, uint64_t bytes);

/**
 * speed_guard_move() - @bytes are there now
 *
 * Return: whether these were enough for a window: the next one begins.
 */
bool speed_guard_move(SpeedGuard *guard, uint64_t bytes);

/** speed_guard_end() - no longer watch */
void speed_guard_end(SpeedGuard *guard);

DEFINE_CLEANUP(SpeedGuard, speed_guard_free);
