/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The leases on shared disk images, for who removes those: see store-disk.h. */

#include "store-disk-ids.h"

/**
 * store_lease_read() - the images that leases name, sorted
 * @ret:        empty
 *
 * Return: 0, or a negative errno.
 */
int store_lease_read(Store *store, StoreDiskIds *ret);

/** store_lease_read_alive() - the same, of chains that are still there: other leases are removed */
int store_lease_read_alive(Store *store, StoreDiskIds *ret);
