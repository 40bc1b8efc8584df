/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Disk images of layers that the chains of several jobs share:
 *
 *     disks/ID.qcow2                         the image of a layer, backed by the one of the layer below
 *     virt-bootstrap/disks/KEY               a link to the ID of the image with this content
 *     virt-bootstrap/leases/ID               a chain that needs some of them, and its path
 *
 * The content of an image depends on its disk's size, the blob of its layer, and the image below it: these
 * form its key. The key of an image that was not synced also has this boot of the system: jobs that sync do not
 * look for such keys, and in another boot nobody does. Only blobs with a verified digest may be in a key. A lease ends when the chain's top file
 * no longer exists; it is identified by its inode, since it may have moved. An unprivileged daemon can look
 * only at its old path: if it finds nothing there, the images are kept until all leases are released.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "store-removal.h"
#include "store.h"

#define STORE_DISK_ID_MAX     33 /* 32 hex digits and the NUL */
#define STORE_DISK_NAME_MAX   (STORE_DISK_ID_MAX + sizeof(".qcow2"))
#define STORE_DISK_LEASES_MAX ((size_t) 100000)
#define STORE_DISK_LAYERS_MAX ((size_t) 1001)

typedef struct StoreDiskKey {
        char parent[STORE_DISK_ID_MAX]; /* of the layer below; empty for the root layer */
        uint64_t size;                  /* of the disk, bytes */
        Digest layer;                   /* of the layer's blob */
        bool no_sync; /* of a job without sync: find also images that were not synced; publish as one */
} StoreDiskKey;

typedef struct StoreDisk {
        char id[STORE_DISK_ID_MAX];
        int fd; /* owned; locked while it is open, so nobody removes it */
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
 * Return: 1 if found, 0 if not.
 */
int store_disk_find(Store *store, const StoreDiskKey *key, StoreDisk *ret, Error *error);

/** store_disk_create() - create a file for a new image, read-write */
int store_disk_create(Store *store, StoreDisk *ret, Error *error);

/**
 * store_disk_probe() - create an empty file among the images, to find out what their file system supports
 * @ret:        read-only, and open nowhere else; close it, and remove it with store_disk_discard()
 */
int store_disk_probe(const Store *store, StoreDisk *ret, Error *error);

/**
 * store_disk_open() - open the file of @disk again, read-only and with its own lock
 *
 * Return: 0; -ESTALE if a different file has its name.
 */
int store_disk_open(const Store *store, const StoreDisk *disk, int *ret, Error *error);

/**
 * store_disk_publish() - let others use a complete image
 *
 * Return: 1; 0 if another chain was faster: then this image and those above it belong to this chain alone.
 */
int store_disk_publish(Store *store, const StoreDiskKey *key, const StoreDisk *disk, Error *error);

/** store_disk_discard() - remove the file of an image that will not be completed */
void store_disk_discard(Store *store, const StoreDisk *disk);

/* A chain that needs images; all borrowed. */
typedef struct StoreDiskChain {
        const char *path; /* of its top file, or its future path after its directory is renamed */
        int top_fd;       /* that file */
        const StoreDisk *disks; /* locked; the lowest first, which is removed last */
        size_t n_disks;
        bool no_sync; /* do not sync the lease */
} StoreDiskChain;

/**
 * store_disk_lease() - record that a chain needs images, and that they were used
 * @ret_id:     of the lease
 */
int store_disk_lease(
        Store *store,
        const StoreDiskChain *chain,
        char ret_id[static STORE_DISK_ID_MAX],
        Error *error);

/** store_disk_release() - forget the lease @id: its chain will not exist */
void store_disk_release(Store *store, const char *id);

/* What to remove. */
typedef struct StoreDiskPruning {
        uint64_t keep_bytes;  /* until they and others have at most this many bytes */
        uint64_t other_bytes; /* of others */
        uint64_t before_usec; /* only images that were not used since then, since the epoch */
        bool is_forced;       /* also what chains need */
        bool is_dry;          /* change nothing */
} StoreDiskPruning;

/**
 * store_disk_prune() - remove images that neither a chain nor a job needs
 * @removals:   those that were removed, or would be, are added
 * @ret_left:   bytes of other images that could be removed
 *
 * Images that nobody can find any more go first, then the least recently used. Looks at the paths of chains, which may
 * hang.
 */
int store_disk_prune(
        Store *store,
        const StoreDiskPruning *pruning,
        StoreRemovals *removals,
        uint64_t *ret_left,
        Error *error);

/** store_disk_prunable() - bytes of the images that neither a recorded chain, which may be gone, nor a job needs */
int store_disk_prunable(Store *store, uint64_t *ret, Error *error);

typedef enum StoreDiskState {
        STORE_DISK_OK,     /* it may be removed */
        STORE_DISK_USED,   /* by a job */
        STORE_DISK_NEEDED, /* by a chain */
} StoreDiskState;

/* Whoever knows an image's id can read it: only the start of it may be told. */
#define STORE_DISK_SHORT_ID_MAX 13 /* 12 hex digits and the NUL */

typedef struct StoreDiskEntry {
        char short_id[STORE_DISK_SHORT_ID_MAX];
        uint64_t disk_bytes; /* as in store-usage.h */
        uint64_t used_usec;  /* last use, since the epoch */
        StoreDiskState state;
        char **chains; /* owned, as each of them; paths, which may have anything in them */
        size_t n_chains;
} StoreDiskEntry;

/**
 * store_disk_list() - all images, least recently used first
 * @ret:        release it with store_disk_entries_free()
 *
 * Looks at the paths of chains, which may hang.
 */
int store_disk_list(Store *store, StoreDiskEntry **ret, size_t *ret_n, Error *error);

/** store_disk_entries_free() - release @n entries (may be NULL) */
void store_disk_entries_free(StoreDiskEntry *entries, size_t n);

/** store_disk_state_to_string() - "ok", "used" or "needed" */
const char *store_disk_state_to_string(StoreDiskState state);

/**
 * store_disk_recover() - remove leftovers of killed daemons: images that nobody can find and no chain needs
 * @ret:        their number
 */
int store_disk_recover(Store *store, unsigned *ret, Error *error);
