/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The leases on shared disk images, for who removes those: see store-disk.h. */

#include "store-disk.h"

/* Images that chains need; an id may be there several times. */
typedef struct LeasedIds {
        char (*ids)[STORE_DISK_ID_MAX]; /* owned */
        size_t n;
} LeasedIds;

/** store_lease_read() - read all leases; those whose chain is gone are removed. 0 or -errno */
int store_lease_read(Store *store, LeasedIds *ret);

/** leased_ids_done() - release what @ids owns; usable with _cleanup_() */
void leased_ids_done(LeasedIds *ids);

/** leased_ids_have() - whether a chain needs @id */
bool leased_ids_have(const LeasedIds *ids, const char *id);
