/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The store: an OCI image layout (image-layout.md) that all jobs share, together with the project's own
 * files:
 *
 *     oci-layout, index.json           each image under its full reference; derived from "images"
 *     blobs/ALGORITHM/HEX              only blobs that a verify worker has hashed
 *     disks/ID.qcow2                   disk images that several chains share; see store-disk.h
 *     virt-bootstrap/images            what the references named; see store-image.h
 *     virt-bootstrap/partial/A-HEX.N   incomplete blobs, kept for resuming; of N bytes, if that is known;
 *                                      see store-partial.h
 *     virt-bootstrap/verified/A-HEX    size, inode and change time of a blob when it was hashed, and the boot of
 *                                      the system if it was not synced; its modification time is the last
 *                                      use of the blob
 *     virt-bootstrap/journal/ID        staging directories in use; see store-journal.h
 *     virt-bootstrap/disks, leases     the disk images, and the chains that need them
 *     virt-bootstrap/users/ID          user ids of workers, if they cannot be reserved for the whole machine;
 *                                      see job-user.h
 *     virt-bootstrap/lock              held while "images" and index.json change, or a partial blob
 *                                      gets or loses its name
 *
 * Several daemons may use one store. A lease on a blob is a shared flock(2) on its file; filling a partial blob
 * requires an exclusive lock, and so does removing a blob. All of these end with the process.
 */

#include "base-cleanup.h"
#include "base-error.h"
#include "base-log.h"

typedef struct Store Store;

/**
 * store_open() - open the store at @path, an absolute path; create it if it does not exist
 * @ret:        the store, owned by the caller
 */
int store_open(const char *path, Store **ret, Error *error);

/**
 * store_open_in_boot() - the same, in the given @boot of the system; "-" if it is unknown
 *
 * Data that was not synced is trusted only in the boot in which it was written.
 */
int store_open_in_boot(const char *path, const char *boot, Store **ret, Error *error);

/** store_free() - release @store */
Store *store_free(Store *store);

/** store_set_log() - report damaged entries that are skipped; @log is borrowed as long as @store */
void store_set_log(Store *store, const Log *log);

/** store_open_users() - open the directory "users", creating it if necessary; returns a descriptor */
int store_open_users(const Store *store, Error *error);

/** store_path() - its path; valid as long as @store */
const char *store_path(const Store *store);

DEFINE_CLEANUP(Store, store_free);
