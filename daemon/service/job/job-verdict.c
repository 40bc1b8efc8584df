/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <stddef.h>

#include "job-verdict.h"

bool job_part_is_running(const JobPart *part) {
        return part->state == PART_RUNNING;
}

bool job_parts_are_running(const JobParts *parts) {
        return job_part_is_running(&parts->fetch) || job_part_is_running(&parts->builder) ||
               job_part_is_running(&parts->unpack);
}

/* Whether the input may be at fault, which its digest or its builder would show. */
static bool may_be_input(const Error *error) {
        return error->kind == ERROR_CORRUPT_ARCHIVE || error->kind == ERROR_UNSAFE_ARCHIVE ||
               error->kind == ERROR_DIGEST_MISMATCH;
}

/* Whether another worker still works on the input of the unpack worker. */
static bool is_input_open(const JobParts *parts) {
        return job_part_is_running(&parts->builder) ||
               (job_part_is_running(&parts->fetch) && !parts->is_input_settled);
}

/* The unpack worker has failed. */
static JobVerdict judge_unpack(const JobParts *parts, const Error **ret_reason) {
        *ret_reason = &parts->unpack.error;
        if (!may_be_input(&parts->unpack.error) || !is_input_open(parts))
                return VERDICT_FAIL;
        return job_part_is_running(&parts->builder) ? VERDICT_WAIT_BRIEFLY : VERDICT_WAIT;
}

JobVerdict job_verdict(const JobParts *parts, const Error **ret_reason) {
        *ret_reason = NULL;
        if (parts->builder.state == PART_FAILED)
                *ret_reason = &parts->builder.error;
        else if (parts->fetch.state == PART_FAILED)
                *ret_reason = &parts->fetch.error;
        if (*ret_reason)
                return VERDICT_FAIL;

        if (parts->unpack.state == PART_FAILED)
                return judge_unpack(parts, ret_reason);

        if (parts->builder.state == PART_UNREAD) {
                *ret_reason = &parts->builder.error;
                return job_part_is_running(&parts->unpack) ? VERDICT_WAIT_BRIEFLY : VERDICT_FAIL;
        }

        if (job_parts_are_running(parts))
                return VERDICT_WAIT;

        assert(parts->unpack.state == PART_DONE);
        return VERDICT_COMMIT;
}
