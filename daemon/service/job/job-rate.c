/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "job-rate.h"
#include "base-macro.h"

static void begin(JobRate *rate, uint64_t usec, uint64_t bytes) {
        *rate = (JobRate){
                .is_begun = true,
                .begun_usec = usec,
                .seen_usec = usec,
                .moved_usec = usec,
                .bytes = bytes,
        };
}

static void add(JobRate *rate, uint64_t usec, uint64_t moved) {
        const uint64_t elapsed = usec - rate->begun_usec, took = usec - rate->seen_usec;
        const uint64_t window = elapsed < JOB_RATE_USEC ? elapsed : JOB_RATE_USEC;
        const double weight = took < window ? (double) took / (double) window : 1;

        rate->per_sec +=
                weight * ((double) moved * (double) USEC_PER_SEC / (double) took - rate->per_sec);
}

uint64_t job_rate_update(JobRate *rate, uint64_t usec, uint64_t bytes) {
        const uint64_t moved = bytes > rate->bytes ? bytes - rate->bytes : 0;

        if (!rate->is_begun) {
                begin(rate, usec, bytes);
                return 0;
        }
        if (usec <= rate->seen_usec)
                return (uint64_t) rate->per_sec;
        if (moved == 0 && (rate->per_sec < 1 || usec - rate->moved_usec >= JOB_RATE_USEC)) {
                begin(rate, usec, bytes);
                return 0;
        }

        add(rate, usec, moved);
        rate->seen_usec = usec;
        rate->bytes = bytes;
        if (moved > 0)
                rate->moved_usec = usec;
        return (uint64_t) rate->per_sec;
}
