/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A smoothed rate: the mean since the beginning, and from JOB_RATE_USEC on an exponential moving average, in which a
 * sample counts by the time it took, and the past fades with that time constant. After a pause it begins again.
 */

#include <stdbool.h>
#include <stdint.h>

#define JOB_RATE_USEC                                                                              \
        UINT64_C(                                                                                  \
                3000000) /* the time constant; also how long nothing may move until the rate is 0 */

/* Zeros: nothing was measured. */
typedef struct JobRate {
        bool is_begun;
        uint64_t begun_usec; /* when measuring began, or began again after a pause */
        uint64_t seen_usec;  /* the last sample */
        uint64_t moved_usec; /* the last sample with more bytes */
        uint64_t bytes;      /* of the last sample */
        double per_sec;
} JobRate;

/**
 * job_rate_update() - take a sample
 * @usec:       the time, of a clock that does not jump
 * @bytes:      in all, so far; fewer than before count as nothing
 *
 * Return: bytes per second; 0 after the first sample, and when nothing has moved for JOB_RATE_USEC.
 */
uint64_t job_rate_update(JobRate *rate, uint64_t usec, uint64_t bytes);
