/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a job works, by the identity of the directories above: two names of one directory are one place. */

#include <stdbool.h>
#include <stddef.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct Place Place;

/**
 * place_new() - remember the directories from @fd up to the root
 * @path:       absolute, without links in it
 * @existing:   bytes of @path that name @fd; what follows is not there yet
 *
 * Return: 0, or a negative errno with @error set.
 */
int place_new(int fd, const char *path, size_t existing, Place **ret, Error *error);

/** place_free() - release @place (may be NULL) */
Place *place_free(Place *place);

/**
 * place_overlaps() - whether one of the two is the other, above it or below it
 *
 * Also through links and bind mounts, unless what is mounted is a directory between the two.
 */
bool place_overlaps(const Place *a, const Place *b);

DEFINE_CLEANUP(Place, place_free);
