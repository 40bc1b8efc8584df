/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a job works, by the identity of the directories above: two names of one directory are one place. */

#include <stdbool.h>
#include <stddef.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct JobPlace JobPlace;

/**
 * job_place_new() - remember the directories from @fd up to the root
 * @path:       absolute, without links in it
 * @existing:   bytes of @path that name @fd; what follows is not there yet
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_place_new(int fd, const char *path, size_t existing, JobPlace **ret, Error *error);

/** job_place_free() - release @place (may be NULL) */
JobPlace *job_place_free(JobPlace *place);

/**
 * job_place_overlaps() - whether one of the two is the other, above it or below it
 *
 * Also through links and bind mounts, unless what is mounted is a directory between the two.
 */
bool job_place_overlaps(const JobPlace *a, const JobPlace *b);

DEFINE_CLEANUP(JobPlace, job_place_free);
