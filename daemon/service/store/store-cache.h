/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the user sees and does of the cache: list, remove, prune. */

#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "store.h"

typedef enum StoreEntryState {
        STORE_ENTRY_OK,
        STORE_ENTRY_USED,    /* somebody has a lease on it */
        STORE_ENTRY_PARTIAL, /* not all of it is there */
} StoreEntryState;

typedef struct StoreEntry {
        Digest digest;
        uint64_t size;      /* bytes */
        uint64_t used_usec; /* when it was used last, since the epoch */
        StoreEntryState state;
} StoreEntry;

#define STORE_ENTRIES_MAX ((size_t) 1000000)

/**
 * store_list() - all blobs, the one used least recently first
 * @ret:        free()d by the caller
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_list(Store *store, StoreEntry **ret, size_t *ret_n, Error *error);

/** store_entry_state_to_string() - "ok", "used" or "partial" */
const char *store_entry_state_to_string(StoreEntryState state);

/**
 * store_remove() - remove a blob, or what has arrived of it
 *
 * Images that need it leave index.json. Return: 0; -ENOENT (ERROR_NOT_FOUND) when there is none;
 * -EBUSY (ERROR_CACHE_BUSY) when somebody uses it; or another negative errno, with @error set.
 */
int store_remove(Store *store, const Digest *digest, Error *error);

/**
 * store_prune() - remove what was used least recently until at most @keep bytes are left
 *
 * Disk images go first, but for those that a chain or a job needs: these do not count, since nothing else
 * would make up for them. A blob that a job uses stays, and counts: it was used last of all. Return: 0 with
 * what was freed in @ret_freed, or a negative errno with @error set.
 */
int store_prune(Store *store, uint64_t keep, uint64_t *ret_freed, Error *error);

/** store_size() - bytes of all blobs, also of those that are not complete, and of disk images */
int store_size(Store *store, uint64_t *ret, Error *error);
