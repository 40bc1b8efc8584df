/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The cache as users see it: list, remove, prune. */

#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "store.h"

typedef enum StoreEntryState {
        STORE_ENTRY_OK,
        STORE_ENTRY_USED,    /* somebody has a lease on it */
        STORE_ENTRY_PARTIAL, /* incomplete */
} StoreEntryState;

typedef struct StoreEntry {
        Digest digest;
        uint64_t size;      /* bytes */
        uint64_t used_usec; /* last use, since the epoch */
        StoreEntryState state;
} StoreEntry;

#define STORE_ENTRIES_MAX ((size_t) 1000000)

/**
 * store_list() - all blobs, least recently used first
 * @ret:        free()d by the caller
 */
int store_list(Store *store, StoreEntry **ret, size_t *ret_n, Error *error);

/** store_entry_state_to_string() - "ok", "used" or "partial" */
const char *store_entry_state_to_string(StoreEntryState state);

/**
 * store_remove() - remove a blob, complete or not
 *
 * Images that need it are removed from index.json. Return: 0; -ENOENT (ERROR_NOT_FOUND) if it does not exist;
 * -EBUSY (ERROR_CACHE_BUSY) if it is in use.
 */
int store_remove(Store *store, const Digest *digest, Error *error);

/**
 * store_prune() - remove the least recently used until at most @keep bytes are left
 *
 * Disk images go first, except those that a chain or a job needs: these do not count, since removing other
 * things would not make up for them. A blob that a job uses stays, and counts: it is the most recently used.
 * @ret_freed: bytes that were freed.
 */
int store_prune(Store *store, uint64_t keep, uint64_t *ret_freed, Error *error);

/** store_size() - bytes of all blobs, including incomplete ones, and of disk images */
int store_size(Store *store, uint64_t *ret, Error *error);
