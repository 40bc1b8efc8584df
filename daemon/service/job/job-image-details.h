/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an image says about itself, as the resolve worker reports it: valid, printable texts, which nothing here reads. */

#include <stddef.h>

#include "base-error.h"
#include "proto-message.h"

#define JOB_CONFIG_BYTES_MAX ((size_t) 16 << 10) /* of all texts that a job keeps */

typedef struct JobImageDetail {
        ProtoDetailKind kind;
        char *key;         /* owned; empty except for a label */
        const char *value; /* in the same memory */
} JobImageDetail;

typedef struct JobImageDetails {
        JobImageDetail *details; /* owned */
        size_t n;                /* <= PROTO_DETAILS_MAX */
} JobImageDetails;

/** job_image_details_done() - release what @details owns; usable with _cleanup_() */
void job_image_details_done(JobImageDetails *details);

/** job_image_details_add() - add a copy of a worker's message; -E2BIG if there are too many */
int job_image_details_add(JobImageDetails *details, const ProtoDetail *message, Error *error);

/**
 * job_image_details_copy_config() - copy what the image would run: all except its time, author and labels
 * @ret:        to be released with job_image_details_done(); if it would need more than JOB_CONFIG_BYTES_MAX, what does not fit
 *              is left out, and it says that it is incomplete
 */
int job_image_details_copy_config(
        const JobImageDetails *details, JobImageDetails *ret, Error *error);
