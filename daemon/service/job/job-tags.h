/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tags of a registry's repository, listed by a fetch worker.
 *
 *     job_tags_start() ─▶ ended() ─▶ job_tags_names() ─▶ job_tags_free()
 */

#include <stddef.h>

#include "job-process.h"
#include "job-spec.h"

typedef struct JobTags JobTags;

/* Called exactly once, as the last thing. @error is empty if the list is complete. */
typedef void (*JobTagsEnded)(void *userdata, const Error *error);

/**
 * job_tags_start() - start listing
 * @spec:       of a registry; borrowed as long as @ret, as is @userdata
 * @ret:        owned by the caller
 *
 * ended() is only called if this returns 0.
 */
int job_tags_start(
        const JobContext *context,
        const JobSpec *spec,
        JobTagsEnded ended,
        void *userdata,
        JobTags **ret,
        Error *error);

/** job_tags_free() - stop it if it is running, and release @tags (may be NULL) */
JobTags *job_tags_free(JobTags *tags);

/** job_tags_names() - the tags so far, at most PROTO_TAGS_MAX, in the registry's order; borrowed */
const ProtoTag *job_tags_names(const JobTags *tags, size_t *ret_n);

DEFINE_CLEANUP(JobTags, job_tags_free);
