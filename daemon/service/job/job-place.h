/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job's place, identified by the directories above it: two names of one directory are one place. */

#include <stdbool.h>
#include <stddef.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct JobPlace JobPlace;

/**
 * job_place_new() - record the directories from @fd up to the root
 * @path:       absolute, without links in it
 * @existing:   bytes of @path that name @fd; the rest does not exist yet
 */
int job_place_new(int fd, const char *path, size_t existing, JobPlace **ret, Error *error);

/** job_place_free() - release @place */
JobPlace *job_place_free(JobPlace *place);

/**
 * job_place_overlaps() - whether one of the two is the other, or above or below it
 *
 * Also through links and bind mounts, unless a directory between the two is bind-mounted.
 */
bool job_place_overlaps(const JobPlace *a, const JobPlace *b);

DEFINE_CLEANUP(JobPlace, job_place_free);
