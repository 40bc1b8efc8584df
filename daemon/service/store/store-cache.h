/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The blobs of the cache, as users see them. */

#include <stdbool.h>
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
        uint64_t size;       /* bytes of its content */
        uint64_t disk_bytes; /* that it and the records about it take, as in store-usage.h */
        uint64_t used_usec;  /* last use, since the epoch */
        StoreEntryState state;
        bool is_partial; /* incomplete, whether or not somebody fills it */
} StoreEntry;

#define STORE_ENTRIES_MAX ((size_t) 1000000)

/**
 * store_list() - all blobs, least recently used first
 * @ret:        free()d by the caller
 */
int store_list(Store *store, StoreEntry **ret, size_t *ret_n, Error *error);

/** store_entry_state_to_string() - "ok", "used" or "partial" */
const char *store_entry_state_to_string(StoreEntryState state);

/** store_entry_remove() - remove a blob, or all partial files of one; 0, -ENOENT, or -EBUSY if it is in use */
int store_entry_remove(Store *store, const StoreEntry *entry);

/** store_entry_set_used() - make its last use the one that @entry has: looking at it was none; best effort */
void store_entry_set_used(Store *store, const StoreEntry *entry);
