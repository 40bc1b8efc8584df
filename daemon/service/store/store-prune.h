/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Removing things from the cache.
 *
 * An image goes with the blobs that no other image needs. What a job uses stays: its image, and each blob that it has a
 * lease on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base-error.h"
#include "store-removal.h"
#include "store.h"

#define STORE_PRUNE_ANY UINT64_MAX /* whatever its last use was */

typedef struct StorePruning {
        uint64_t keep_bytes; /* remove until at most this many are left */
        uint64_t
                before_usec; /* only what was not used since then, since the epoch; or STORE_PRUNE_ANY */
        bool is_forced;      /* also disk images that chains need */
        bool is_dry;         /* change nothing */
} StorePruning;

/**
 * store_prune() - remove what was used least recently
 * @ret:        what was removed, or would be; must be empty
 *
 * Disk images go first, except those that a chain or a job needs: these do not count, since removing other
 * things would not make up for them. Then images and blobs that no image needs. What a job uses counts. Looks at the
 * paths of chains, which may hang. On failure, @ret has what was removed before.
 */
int store_prune(Store *store, const StorePruning *pruning, StoreRemovals *ret, Error *error);

/** store_prunable() - bytes that store_prune() would free, for an error message; does not look at chains */
int store_prunable(Store *store, uint64_t *ret, Error *error);

/**
 * store_remove() - remove an image, or a blob, complete or not
 * @reference:  the full reference that @text stands for; NULL: it cannot be one
 * @text:       that, or a digest or the start of one: of images or of a blob
 * @ret:        what was removed; must be empty
 *
 * Images that need a blob which is removed are forgotten. Return: 0; -ENOENT (ERROR_NOT_FOUND); -EEXIST
 * (ERROR_INVALID_OPTION) if @text could be several; -EBUSY (ERROR_CACHE_BUSY) if a job uses it.
 */
int store_remove(
        Store *store, const char *reference, const char *text, StoreRemovals *ret, Error *error);
