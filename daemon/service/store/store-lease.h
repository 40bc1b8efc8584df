/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The leases on shared disk images, for the code that removes those: see store-disk.h. */

#include "store-disk-ids.h"

/**
 * store_lease_read() - the images that leases name, sorted
 * @ret:        must be empty
 */
int store_lease_read(Store *store, StoreDiskIds *ret);

/** store_lease_read_alive() - the same, for chains that still exist; removes other leases */
int store_lease_read_alive(Store *store, StoreDiskIds *ret);
