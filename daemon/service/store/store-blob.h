/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Blobs: write, verify, rename.
 *
 *     store_partial_open() ─▶ a verify worker fills and hashes it ─▶ store_blob_publish()
 *
 * A blob gets a name under blobs/ only after its digest was verified.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base-digest.h"
#include "store-partial.h"

typedef struct StoreBlob {
        int fd;        /* read-only, at offset 0, with a lease (shared lock) on the blob; owned */
        uint64_t size; /* bytes */
        bool is_verified; /* unchanged since it was hashed, also by a power failure */
        bool is_synced;   /* its content is certain to be on the disk */
} StoreBlob;

#define STORE_BLOB_NULL ((StoreBlob){ .fd = -EBADF })

/**
 * store_blob_open() - find a blob and lease it
 *
 * If @ret is not verified, hash it before trusting its content; then call store_blob_set_verified() or
 * store_blob_quarantine(). A blob that was not synced in an earlier boot of the system is not verified, but what is read
 * of it now is synced.
 *
 * Return: 1 if found, 0 if not.
 */
int store_blob_open(Store *store, const Digest *digest, StoreBlob *ret, Error *error);

/**
 * store_blob_look() - whether there is a blob, without using it: neither leased, nor used last now
 * @ret:        of its file
 */
bool store_blob_look(const Store *store, const Digest *digest, struct stat *ret);

/**
 * store_anonymous_open() - create a file for a blob that is not kept
 * @directory:  where; an absolute path
 *
 * It has no name, and disappears with its last descriptor.
 */
int store_anonymous_open(const char *directory, int *ret_fd, Error *error);

/**
 * store_blob_publish() - give a blob its name
 * @expected:   the digest that a verify worker has computed for @partial_fd
 * @partial_fd: the file from store_partial_open() with @size, readable and locked; the lock becomes a lease
 * @no_sync:    it is not synced, nor is the record: it counts as verified in this boot only
 *
 * Return: 0; -ESTALE if the file has lost its name.
 */
int store_blob_publish(
        Store *store,
        const Digest *expected,
        uint64_t size,
        int partial_fd,
        bool no_sync,
        Error *error);

/**
 * store_blob_set_verified() - record that a blob was hashed and matched
 * @blob:       open; whether it is synced
 * @no_sync:    do not sync the record
 */
int store_blob_set_verified(
        Store *store, const Digest *digest, const StoreBlob *blob, bool no_sync, Error *error);

/** store_blob_quarantine() - remove a damaged blob and its name */
void store_blob_quarantine(Store *store, const Digest *digest);
