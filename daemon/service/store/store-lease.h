/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The leases on shared disk images, for the code that lists and removes those: see store-disk.h. */

#include "store-disk-ids.h"

/* A chain, and the images that it needs. */
typedef struct StoreLease {
        char *path; /* owned; of its top file; anything but NUL may be in it; NULL if the lease is damaged */
        StoreDiskIds ids;
} StoreLease;

/* Zero it; store_leases_done(). */
typedef struct StoreLeases {
        StoreLease *all; /* owned */
        size_t n, room;
} StoreLeases;

/** store_leases_done() - release what @leases owns, and make it empty; usable with _cleanup_() */
void store_leases_done(StoreLeases *leases);

/**
 * store_lease_list() - the leases of chains that still exist
 *
 * Looks at their paths, which may hang. Changes nothing.
 */
int store_lease_list(Store *store, StoreLeases *ret);

/**
 * store_lease_read() - the images that leases name, sorted
 * @ret:        must be empty
 */
int store_lease_read(Store *store, StoreDiskIds *ret);

/** store_lease_read_alive() - the same, for chains that still exist; as store_lease_list() */
int store_lease_read_alive(Store *store, StoreDiskIds *ret);

/** store_lease_clean() - the same; removes other leases */
int store_lease_clean(Store *store, StoreDiskIds *ret);

/** store_lease_ignore() - no images, as if there were no leases */
int store_lease_ignore(Store *store, StoreDiskIds *ret);

/**
 * store_lease_drop() - remove the leases that name one of these images
 * @removed:    images that no longer exist, sorted
 *
 * Their chains cannot be read any more. Does not look at their paths.
 */
void store_lease_drop(Store *store, const StoreDiskIds *removed);
