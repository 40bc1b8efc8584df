/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One NBD export that is written through a few connections, each of which a thread drives, so that
 * writing goes on while the caller does something else. The functions are those of a DiskDevice, and
 * return DISK_GONE, with @error set, when the server has gone.
 *
 *     disk_nbd_connect() -> (the server makes the export) -> disk_nbd_start() -> … -> disk_nbd_free()
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base-cleanup.h"
#include "base-error.h"

#define DISK_NBD_CONNECTIONS ((size_t) 2)
#define DISK_NBD_BUFFERS     ((size_t) 16) /* of DISK_BUFFER_BYTES */

typedef struct DiskNbd DiskNbd;

typedef struct DiskNbdAddress {
        struct sockaddr_un name;
        socklen_t size;
} DiskNbdAddress;

/**
 * disk_nbd_connect() - have the server accept all connections
 * @name:       of the export, and of what is written, for messages; copied
 * @ret:        owned by the caller; untouched on failure
 *
 * A server that takes no more than DISK_NBD_CONNECTIONS then has nobody else to show the export to.
 */
int disk_nbd_connect(const DiskNbdAddress *address, const char *name, DiskNbd **ret, Error *error);

/** disk_nbd_start() - use the export */
int disk_nbd_start(DiskNbd *nbd, Error *error);

/** disk_nbd_free() - close the connections, and release @nbd (may be NULL) */
DiskNbd *disk_nbd_free(DiskNbd *nbd);

int disk_nbd_get_buffer(DiskNbd *nbd, void **ret, Error *error);
int disk_nbd_write(DiskNbd *nbd, void *buffer, uint64_t offset, size_t size, Error *error);
int disk_nbd_read(DiskNbd *nbd, uint64_t offset, void *data, size_t size, Error *error);
int disk_nbd_trim(DiskNbd *nbd, uint64_t offset, uint64_t size, Error *error);
int disk_nbd_flush(DiskNbd *nbd, Error *error);

DEFINE_CLEANUP(DiskNbd, disk_nbd_free);
