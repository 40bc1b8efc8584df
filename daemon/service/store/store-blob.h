/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Blobs: write, verify, rename.
 *
 *     store_partial_open() ─▶ a verify worker fills and hashes it ─▶ store_blob_publish()
 *
 * A blob has no name under blobs/ before its digest was checked.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base-digest.h"
#include "store-partial.h"

typedef struct StoreBlob {
        int fd;        /* read-only, at offset 0, with a lease (shared lock) on the blob; owned */
        uint64_t size; /* bytes */
        bool is_verified; /* nobody touched it since it was hashed */
} StoreBlob;

#define STORE_BLOB_NULL ((StoreBlob){ .fd = -EBADF })

/**
 * store_blob_open() - find a blob and lease it
 *
 * What @ret says is not verified has to be hashed before its content may be believed; then
 * store_blob_set_verified() or store_blob_quarantine().
 *
 * Return: 1 when found, 0 when not in the store, or a negative errno with @error set.
 */
int store_blob_open(Store *store, const Digest *digest, StoreBlob *ret, Error *error);

/**
 * store_anonymous_open() - a file for a blob that is not to be kept
 * @directory:  where; an absolute path
 *
 * It has no name, and is gone with its last descriptor. Return: 0, or a negative errno with @error set.
 */
int store_anonymous_open(const char *directory, int *ret_fd, Error *error);

/**
 * store_blob_publish() - give a blob its name
 * @expected:   the digest that a verify worker has found the content of @partial_fd to have
 * @partial_fd: from store_partial_open() with @size, exclusively locked; the lock becomes a lease
 *
 * Return: 0; -ESTALE when the file has lost its name; or another negative errno, with @error set.
 */
int store_blob_publish(
        Store *store, const Digest *expected, uint64_t size, int partial_fd, Error *error);

/** store_blob_set_verified() - note that a blob, open as @fd, was hashed and found right */
int store_blob_set_verified(Store *store, const Digest *digest, int fd, Error *error);

/** store_blob_quarantine() - a damaged blob loses its name, and its file is removed */
void store_blob_quarantine(Store *store, const Digest *digest);
