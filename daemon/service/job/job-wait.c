/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "job-wait.h"

uint64_t job_waits_add(JobWaits *waits, uint64_t now_usec, uint64_t usec) {
        const uint64_t left = JOB_WAITS_MAX_USEC - waits->sum_usec;
        const uint64_t begin = waits->end_usec > now_usec ? waits->end_usec : now_usec;
        uint64_t more = now_usec + usec > begin ? now_usec + usec - begin : 0;

        if (more > left)
                more = left;
        waits->sum_usec += more;
        waits->end_usec = begin + more;
        return waits->end_usec - now_usec;
}
