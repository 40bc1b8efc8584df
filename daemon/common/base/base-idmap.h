/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Owner mapping, as virt-bootstrap's --uidmap and --gidmap define it:
 * "START:TARGET:COUNT" turns the ids START … START+COUNT-1 of an image into TARGET …
 * An id outside every range stays as it is. Ranges apply to the id in the image, once, so their order
 * does not matter; the starts may not overlap.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

#define ID_RANGES_MAX ((size_t) 340) /* what user_namespaces(7) allows too */

typedef struct IdRange {
        uint32_t start;  /* first id in the image */
        uint32_t target; /* the id that it becomes */
        uint32_t count;  /* > 0; neither side reaches 2^32 - 1, which is not an id */
} IdRange;

typedef struct IdMap {
        IdRange ranges[ID_RANGES_MAX]; /* no two overlap in the image's ids */
        size_t n_ranges;
} IdMap;

/** idmap_parse_range() - read "START:TARGET:COUNT"; returns 0 or -EINVAL */
int idmap_parse_range(const char *text, IdRange *ret, Error *error);

/**
 * idmap_add() - add a range
 *
 * Return: 0; -EINVAL if the range is empty, too long or overlaps an existing one; -E2BIG if there are
 * too many.
 */
int idmap_add(IdMap *map, const IdRange *range, Error *error);

/** idmap_covers() - whether @id of the image is in a range; true if there are no ranges */
bool idmap_covers(const IdMap *map, uint32_t id);

/** idmap_apply() - what @id of the image becomes */
uint32_t idmap_apply(const IdMap *map, uint32_t id);
