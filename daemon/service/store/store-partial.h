/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Blobs on their way. Each has a file for the digest and the size that whoever wants it takes it to have:
 * who is told a wrong size fills a file of its own.
 *
 * Who fills a file holds an exclusive lock on it. One that is too slow loses the name to another one, and
 * goes on with a file that has none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "store.h"

#define STORE_SIZE_UNKNOWN UINT64_MAX

#define STORE_PARTIALS_MAX ((size_t) 1000) /* of those that nobody fills */

/**
 * store_partial_open() - the file in which a blob arrives
 * @size:       bytes that it is to have, or STORE_SIZE_UNKNOWN
 * @ret_fd:     read-write, owned by the caller; may have content of an earlier attempt; exclusively locked
 *              unless somebody fills it, so that it is never a left-over
 *
 * Nobody may write before holding that lock and having seen store_partial_is_current().
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_partial_open(
        Store *store, const Digest *digest, uint64_t size, int *ret_fd, Error *error);

/** store_partial_size() - how many of the @size bytes of a blob have arrived */
uint64_t store_partial_size(Store *store, const Digest *digest, uint64_t size);

/** store_partial_is_current() - whether @fd still has its name: nobody published or removed it */
bool store_partial_is_current(Store *store, const Digest *digest, uint64_t size, int fd);

/** store_partial_is_busy() - whether somebody else than the holders of @fd fills it */
bool store_partial_is_busy(int fd);

/** store_partial_remove() - take its name from @fd, if it is current; what is in it goes with its users */
void store_partial_remove(Store *store, const Digest *digest, uint64_t size, int fd);

/**
 * store_partial_free() - remove what nobody fills, the oldest first, until @bytes were freed
 *
 * Return: the bytes that were freed.
 */
uint64_t store_partial_free(Store *store, uint64_t bytes);

/** store_partial_trim() - the same, until at most @keep bytes in STORE_PARTIALS_MAX files are left */
void store_partial_trim(Store *store, uint64_t keep);

/**
 * store_partial_remove_all() - remove all that has arrived of a blob
 *
 * Return: 0; -ENOENT when there is nothing; -EBUSY when somebody fills it; or another negative errno.
 */
int store_partial_remove_all(Store *store, const Digest *digest);
