/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Incomplete blobs. Each has a file for its digest and its expected size: a job with a wrong size fills a
 * separate file.
 *
 * Whoever fills a file holds an exclusive lock on it. If it is too slow, its file loses the name to another one,
 * and it continues with a file without a name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "store.h"

#define STORE_SIZE_UNKNOWN UINT64_MAX

#define STORE_PARTIALS_MAX ((size_t) 1000) /* that nobody fills */

/**
 * store_partial_open() - open the file for an incoming blob
 * @size:       expected bytes, or STORE_SIZE_UNKNOWN
 * @ret_fd:     read-write, owned by the caller; may have content of an earlier attempt; exclusively locked
 *              unless somebody fills it, so nobody mistakes it for a leftover
 *
 * Write only while holding that lock and after checking store_partial_is_current().
 */
int store_partial_open(
        Store *store, const Digest *digest, uint64_t size, int *ret_fd, Error *error);

/** store_partial_size() - how many of the @size bytes of a blob have arrived */
uint64_t store_partial_size(Store *store, const Digest *digest, uint64_t size);

/** store_partial_is_current() - whether @fd still has its name, neither published nor removed */
bool store_partial_is_current(Store *store, const Digest *digest, uint64_t size, int fd);

/** store_partial_is_busy() - whether somebody other than the holders of @fd fills it */
bool store_partial_is_busy(int fd);

/** store_partial_remove() - remove the name of @fd, if it is current; its content disappears with its users */
void store_partial_remove(Store *store, const Digest *digest, uint64_t size, int fd);

/**
 * store_partial_free() - remove files that nobody fills, oldest first, until @bytes are freed
 *
 * Return: the bytes freed.
 */
uint64_t store_partial_free(Store *store, uint64_t bytes);

/** store_partial_trim() - the same, until at most @keep bytes in STORE_PARTIALS_MAX files are left */
void store_partial_trim(Store *store, uint64_t keep);

/**
 * store_partial_remove_all() - remove all partial files of a blob
 *
 * Return: 0; -ENOENT if there are none; -EBUSY if somebody fills one.
 */
int store_partial_remove_all(Store *store, const Digest *digest);
