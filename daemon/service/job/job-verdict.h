/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Decides whether a job continues while its workers work, and which of their failures is reported.
 *
 * Of several failures the first one is reported, with two exceptions, in which it is a consequence of another:
 *
 * * If the unpack worker does not understand its input, a wrong digest, or the builder's own failure, is the better
 *   reason.
 * * If nobody reads the builder's output, the reason is the unpack worker's failure, even if that is reported
 *   later.
 *
 * Both require waiting: for a download as long as it makes progress, at the builder's pipe for seconds.
 */

#include <stdbool.h>

#include "base-error.h"

typedef enum JobPartState {
        PART_NONE, /* the job has no such worker, or it has not started */
        PART_RUNNING,
        PART_DONE,
        PART_FAILED,
        PART_UNREAD, /* failed, since nobody read its output */
} JobPartState;

/* A worker of a job, or several that act as one, and its result. */
typedef struct JobPart {
        JobPartState state;
        Error error; /* owned; of PART_FAILED and PART_UNREAD */
} JobPart;

typedef struct JobParts {
        JobPart fetch, builder, unpack;
        bool is_input_settled; /* if the unpack worker failed: all layers sent to it are verified */
} JobParts;

typedef enum JobVerdict {
        VERDICT_WAIT,         /* as long as there is progress */
        VERDICT_WAIT_BRIEFLY, /* one of two workers on a pipe has failed: the other will soon report why */
        VERDICT_FAIL,
        VERDICT_COMMIT, /* everything is fetched, verified and unpacked */
} JobVerdict;

/** job_part_is_running() - whether it has not ended yet */
bool job_part_is_running(const JobPart *part);

/** job_parts_are_running() - whether any of them is running */
bool job_parts_are_running(const JobParts *parts);

/**
 * job_verdict() - apply the rule; a pure function
 * @ret_reason: why the job fails; for a verdict to wait, the error to report if waiting is in vain, or NULL;
 *              borrowed from @parts
 */
JobVerdict job_verdict(const JobParts *parts, const Error **ret_reason);
