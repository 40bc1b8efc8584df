/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How long a worker may do nothing because a registry asks it to wait. Waits overlap, and their sum has a limit: a
 * worker that always waits does not keep its job from being ended. Pure functions.
 */

#include <stdint.h>

#include "base-macro.h"

#define JOB_WAITS_MAX_USEC (UINT64_C(3600) * USEC_PER_SEC)

/* Zeroed: none yet. */
typedef struct JobWaits {
        uint64_t end_usec; /* CLOCK_MONOTONIC; nothing need arrive before that */
        uint64_t sum_usec;
} JobWaits;

/**
 * job_waits_add() - one more wait
 * @now_usec:   CLOCK_MONOTONIC
 * @usec:       how long it takes from now on
 *
 * Return: how long nothing need arrive from now on.
 */
uint64_t job_waits_add(JobWaits *waits, uint64_t now_usec, uint64_t usec);
