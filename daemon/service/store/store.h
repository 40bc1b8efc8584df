/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The store: an OCI image layout (image-layout.md) that all jobs share, with what is the project's
 * own beside it:
 *
 *     oci-layout, index.json           each image under its full reference; derived from "images"
 *     blobs/ALGORITHM/HEX              only what a verify worker has hashed
 *     disks/ID.qcow2                   disk images that several chains share; see store-disk.h
 *     virt-bootstrap/images            what the references named; see store-image.h
 *     virt-bootstrap/partial/A-HEX.N   blobs on their way, kept for resuming; of N bytes, where that is
 *                                      known; see store-partial.h
 *     virt-bootstrap/verified/A-HEX    size, inode and change time of a blob when it was hashed; its
 *                                      modification time is when the blob was used last
 *     virt-bootstrap/journal/ID        staging directories in use; see store-journal.h
 *     virt-bootstrap/disks, leases     which of them there are, and who needs them
 *     virt-bootstrap/users/ID          ids of users that workers have, where they cannot be reserved for the
 *                                      whole machine; see job-user.h
 *     virt-bootstrap/lock              held while "images" and index.json change, or a partial blob
 *                                      gets or loses its name
 *
 * Several daemons may use one store. A lease on a blob is a shared flock(2) on its file; who fills a
 * partial blob holds an exclusive one; who removes a blob takes an exclusive one first. All of them
 * end with the process.
 */

#include "base-cleanup.h"
#include "base-error.h"
#include "base-log.h"

typedef struct Store Store;

/**
 * store_open() - open the store at @path, an absolute path; make it when it is missing
 * @ret:        the store, owned by the caller; untouched on failure
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_open(const char *path, Store **ret, Error *error);

/** store_free() - release @store (may be NULL) */
Store *store_free(Store *store);

/** store_set_log() - tell of what is damaged, and passed over; @log is borrowed, as long as @store */
void store_set_log(Store *store, const Log *log);

/** store_open_users() - the directory of that name, made if need be; returns a descriptor, or -errno with @error set */
int store_open_users(const Store *store, Error *error);

/** store_path() - where it is; valid as long as @store */
const char *store_path(const Store *store);

DEFINE_CLEANUP(Store, store_free);
