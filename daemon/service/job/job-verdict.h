/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What becomes of a job while its workers work, and which of their failures is told.
 *
 * Of several failures the first one is told, with two exceptions, in which it only follows from another one:
 *
 * * The unpack worker does not understand its input: a wrong digest, or a failure of the builder in its own
 *   words, is the better reason.
 * * Nobody reads what the builder writes: what made the unpack worker end is the reason, whichever of the two is
 *   heard of first.
 *
 * Both mean to wait: for a download as long as it makes progress, at the builder's pipe for seconds.
 */

#include <stdbool.h>

#include "base-error.h"

typedef enum JobPartState {
        PART_NONE, /* the job has no such worker, or not yet */
        PART_RUNNING,
        PART_DONE,
        PART_FAILED,
        PART_UNREAD, /* failed, since nobody read what it wrote */
} JobPartState;

/* A worker of a job, or a few that act as one, and how it has ended. */
typedef struct JobPart {
        JobPartState state;
        Error error; /* owned; of PART_FAILED and PART_UNREAD */
} JobPart;

typedef struct JobParts {
        JobPart fetch, builder, unpack;
        bool is_input_settled; /* of a failed unpack worker: every layer that it was given is verified */
} JobParts;

typedef enum JobVerdict {
        VERDICT_WAIT, /* as long as there is progress */
        VERDICT_WAIT_BRIEFLY, /* one of two workers at one pipe has failed: the other one is about to tell why */
        VERDICT_FAIL,
        VERDICT_COMMIT, /* everything is fetched, verified and unpacked */
} JobVerdict;

/** job_part_is_running() - whether its end is still to come */
bool job_part_is_running(const JobPart *part);

/** job_parts_are_running() - the same of any of them */
bool job_parts_are_running(const JobParts *parts);

/**
 * job_verdict() - apply the rule; a pure function
 * @ret_reason: why the job fails; of a verdict to wait, what to tell if the wait is in vain, or NULL; borrowed
 *              from @parts
 */
JobVerdict job_verdict(const JobParts *parts, const Error **ret_reason);
