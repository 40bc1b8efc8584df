/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this folder share. */

#include <pthread.h>
#include <stdbool.h>

#include "base-digest.h"
#include "base-log.h"
#include "store.h"

#define STORE_RECORD_MAX ((size_t) 4096) /* bytes of a small file of the store */
#define STORE_BOOT_MAX   37              /* 32 hex digits, 4 dashes and the NUL */

struct Store {
        const Log *log;                      /* borrowed; or NULL */
        char *path;                          /* owned */
        int root_fd;                         /* owned, as all that follow */
        int blob_fds[_DIGEST_ALGORITHM_MAX]; /* blobs/sha256, blobs/sha512 */
        int private_fd;                      /* virt-bootstrap */
        int partial_fd;
        int verified_fd;
        int unpacked_fd;
        int journal_fd;
        int disks_fd; /* disks; the others below virt-bootstrap */
        int disk_keys_fd;
        int leases_fd;
        pthread_mutex_t journal_lock; /* among threads; see store_journal_begin() */
        char boot[STORE_BOOT_MAX];    /* the current boot of the system; "-" if unknown */
};

/* store_is_this_boot() - whether the recorded @boot is certainly this one */
bool store_is_this_boot(const Store *store, const char *boot);

/* store_is_other_boot() - whether it is certainly another one */
bool store_is_other_boot(const Store *store, const char *boot);

/* store_write() - write a small file as file_write_atomic() or, with @no_sync, as file_write_unsynced() */
int store_write(int dir_fd, const char *name, const char *text, size_t size, bool no_sync);

/* store_checksum() - FNV-1a: against damage by power failures, not against anybody with write access */
uint64_t store_checksum(const char *data, size_t size);

/* The name of a file about a blob: "sha256-HEX". */
#define STORE_NAME_MAX DIGEST_STRING_MAX
char *store_blob_name(const Digest *digest, char ret[static STORE_NAME_MAX]);

/* The reverse of store_blob_name(); whether @name is one. */
bool store_blob_name_parse(const char *name, Digest *ret);

/* The name of a partial blob: the same, and ".SIZE" if that is known. */
#define STORE_PARTIAL_NAME_MAX (STORE_NAME_MAX + 21)
char *store_partial_name(
        const Digest *digest, uint64_t size, char ret[static STORE_PARTIAL_NAME_MAX]);
bool store_partial_name_parse(const char *name, Digest *ret, uint64_t *ret_size);

/* Held briefly, while related names change: returns the lock, or a negative errno. */
int store_lock(Store *store);
void store_unlockp(int *lock);

/* store_lock_shared() - lease a file: 1, or a negative errno. Listing, publishing and removing hold an exclusive lock
 * only briefly: 0 if it is not released. */
int store_lock_shared(int fd);

/* store_disk_is_id() - whether @text is the id of a disk image or a lease */
bool store_disk_is_id(const char *text);

/* store_disk_key_is_stale() - whether the key @name is of an image that was not synced in an earlier boot */
bool store_disk_key_is_stale(const Store *store, const char *name);

/* store_disk_new_id() - create an id */
#define STORE_RANDOM_ID_MAX 33
int store_disk_new_id(char ret[static STORE_RANDOM_ID_MAX]);
