/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A store in a directory of its own, and blobs for it. */

#include "test-scratch.h"

#include <errno.h>
#include <sys/file.h>

#include "base-fd.h"
#include "hash.h"
#include "store-blob.h"
#include "store-prune.h"

typedef struct StoreFixture {
        Scratch scratch;
        Store *store;
} StoreFixture;

int store_set_up(void **state);

int store_tear_down(void **state);

#define STORE_TEST(name) TEST_WITH(name, store_set_up, store_tear_down)

Digest digest_of(const char *content);

/* Where a blob, a partial one or the record of one is, below the scratch directory. */
char *blob_path(const Digest *digest);

char *private_path(const char *directory, const Digest *digest);

/* Where a partial blob that is to have @size bytes is. */
char *partial_path(const Digest *digest, uint64_t size);

/* What has arrived of a blob. */
void store_put_partial_of(Store *store, const Digest *digest, uint64_t size, const char *content);

void store_put_partial(Store *store, const Digest *digest, const char *content);

/* A blob as a job would put it there, which may not sync it. */
Digest store_put_with(Store *store, const char *content, bool no_sync);

Digest store_put(Store *store, const char *content);

/* Prunes to @keep bytes on the disk; returns the bytes freed. */
uint64_t store_prune_to(Store *store, uint64_t keep);

int store_remove_digest(Store *store, const Digest *digest, Error *error);

/* Bytes on the disk of all blobs, or of all disk images. */
uint64_t store_blob_bytes(Store *store);
uint64_t store_disk_bytes(Store *store);

#define BOOT_A "aaaaaaaa-0000-4000-8000-000000000001"
#define BOOT_B "bbbbbbbb-0000-4000-8000-000000000002"

/* As the next daemon has it, in that boot of the system. */
void store_open_again(StoreFixture *f, const char *boot);
