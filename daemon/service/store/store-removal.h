/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was removed from the cache, or would be, for the user who asked for it. */

#include <stddef.h>
#include <stdint.h>

typedef enum StoreRemovalKind {
        STORE_REMOVAL_IMAGE, /* its name, and the blobs that no other image needs */
        STORE_REMOVAL_BLOB,  /* one that no image needs, complete or not */
        STORE_REMOVAL_DISK,  /* a shared disk image */
} StoreRemovalKind;

typedef struct StoreRemoval {
        StoreRemovalKind kind;
        char *name; /* owned; a reference, a digest, or the part of a disk image's id that may be told */
        uint64_t disk_bytes; /* freed, as in store-usage.h */
} StoreRemoval;

/* Zero it; store_removals_done(). */
typedef struct StoreRemovals {
        StoreRemoval *all; /* owned */
        size_t n, room;
        uint64_t disk_bytes; /* of all */
} StoreRemovals;

/** store_removals_done() - release what @removals owns, and make it empty; usable with _cleanup_() */
void store_removals_done(StoreRemovals *removals);

/** store_removals_add() - 0 or -ENOMEM */
int store_removals_add(
        StoreRemovals *removals, StoreRemovalKind kind, const char *name, uint64_t disk_bytes);

/** store_removal_kind_to_string() - "image", "blob" or "disk" */
const char *store_removal_kind_to_string(StoreRemovalKind kind);
