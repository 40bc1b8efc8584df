/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How many bytes layers had when they were unpacked, beside the records of their blobs.
 *
 * Estimates: an unpack worker reported them, and the layer it read may have taken it over. The smallest one that any
 * job reported counts: a figure that is too large delays other jobs or makes them fail, one that is too small does not.
 */

#include <stdbool.h>

#include "base-digest.h"
#include "store.h"

/** store_unpacked_record() - record the unpacked bytes of a blob, unless fewer are recorded already; best effort */
void store_unpacked_record(Store *store, const Digest *digest, uint64_t bytes);

/** store_unpacked_find() - the recorded bytes; false if there are none */
bool store_unpacked_find(Store *store, const Digest *digest, uint64_t *ret);

/** store_unpacked_forget() - the blob is being removed */
void store_unpacked_forget(Store *store, const Digest *digest);
