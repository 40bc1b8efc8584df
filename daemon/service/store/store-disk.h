/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Disk images of layers that the chains of several jobs share:
 *
 *     disks/ID.qcow2                         the image of a layer, backed by the one of the layer below
 *     virt-bootstrap/disks/KEY               a link to the ID of what has this content
 *     virt-bootstrap/leases/ID               a chain that needs some of them, and where it is
 *
 * What an image has in it is decided by its disk's size, the blob of its layer, and the image below it:
 * that is its key. Only blobs whose digest was verified may stand in one. A lease ends when the chain's
 * file on top is gone, which is known by its inode: it may also have moved. A daemon without privileges
 * can look only where it was; what it does not find there keeps its images until all leases are released.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "store.h"

#define STORE_DISK_ID_MAX     33 /* 32 hex digits and the NUL */
#define STORE_DISK_NAME_MAX   (STORE_DISK_ID_MAX + sizeof(".qcow2"))
#define STORE_DISK_LEASES_MAX ((size_t) 100000)
#define STORE_DISK_LAYERS_MAX ((size_t) 1001)

typedef struct StoreDiskKey {
        char parent[STORE_DISK_ID_MAX]; /* of the layer below; empty for the root layer's */
        uint64_t size;                  /* of the disk, bytes */
        Digest layer;                   /* of the layer's blob */
} StoreDiskKey;

typedef struct StoreDisk {
        char id[STORE_DISK_ID_MAX];
        int fd; /* owned; with a lock as long as it is open: nobody removes it then */
} StoreDisk;

#define STORE_DISK_NULL ((StoreDisk){ .fd = -EBADF })

/** store_disk_name() - the name of an image's file, "ID.qcow2"; returns @ret */
char *store_disk_name(const char *id, char ret[static STORE_DISK_NAME_MAX]);

/** store_disk_path() - its absolute path; owned by the caller; NULL when out of memory */
char *store_disk_path(const Store *store, const char *id);

/**
 * store_disk_find() - look for an image
 * @ret:        read-only
 *
 * Return: 1 when found, 0 when not there, or a negative errno with @error set.
 */
int store_disk_find(Store *store, const StoreDiskKey *key, StoreDisk *ret, Error *error);

/** store_disk_create() - a file for a new image, read-write; returns 0 or -errno with @error set */
int store_disk_create(Store *store, StoreDisk *ret, Error *error);

/**
 * store_disk_probe() - an empty file among the images, to see what their file system can do
 * @ret:        read-only, and open nowhere else; to be closed, and removed with store_disk_discard()
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_disk_probe(const Store *store, StoreDisk *ret, Error *error);

/**
 * store_disk_open() - the file of @disk once more, read-only and with a lock of its own
 *
 * Return: 0, or a negative errno with @error set: -ESTALE when another file has its name.
 */
int store_disk_open(const Store *store, const StoreDisk *disk, int *ret, Error *error);

/**
 * store_disk_publish() - an image is complete: others may use it
 *
 * Return: 1; 0 when somebody else was faster, so that it is this chain's alone, and what is above it, too;
 * or a negative errno with @error set.
 */
int store_disk_publish(Store *store, const StoreDiskKey *key, const StoreDisk *disk, Error *error);

/** store_disk_discard() - an image will not be completed: its file is removed */
void store_disk_discard(Store *store, const StoreDisk *disk);

/**
 * store_disk_lease() - note that a chain needs images, and that they were used
 * @path:       where its file on top is, or will be once its directory was renamed
 * @top_fd:     that file
 * @disks:      locked; the lowest first, which is to go last
 * @ret_id:     of the lease
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_disk_lease(
        Store *store,
        const char *path,
        int top_fd,
        const StoreDisk *disks,
        size_t n_disks,
        char ret_id[static STORE_DISK_ID_MAX],
        Error *error);

/** store_disk_release() - forget the lease @id: its chain will not be there */
void store_disk_release(Store *store, const char *id);

/** store_disk_release_all() - forget all leases; returns how many there were */
unsigned store_disk_release_all(Store *store);

/**
 * store_disk_prune() - remove images that neither a chain nor a job needs
 * @keep:       until they and @others have no more bytes than this
 * @ret_freed:  bytes
 * @ret_left:   bytes of those that could have been removed as well
 *
 * First those that nobody can find any more, then the one used least recently. Return: 0, or a negative
 * errno with @error set.
 */
int store_disk_prune(
        Store *store,
        uint64_t keep,
        uint64_t others,
        uint64_t *ret_freed,
        uint64_t *ret_left,
        Error *error);

/**
 * store_disk_recover() - remove what killed daemons left: images that nobody can find, and no chain needs
 * @ret:        how many
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_disk_recover(Store *store, unsigned *ret, Error *error);

/** store_disk_size() - bytes that all images take */
int store_disk_size(Store *store, uint64_t *ret, Error *error);
