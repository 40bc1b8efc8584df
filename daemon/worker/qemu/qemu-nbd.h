/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One NBD export, written through a few connections with a thread each, so that writing continues while
 * the caller works. The functions are those of an Ext4Device, and return DISK_GONE, with @error set, if
 * the server has exited.
 *
 * nbd_aio_pwrite() needs no threads, but sends only during calls: the server then waits for the rest of a
 * buffer while the caller fills the next. On two idle processors a job took 15 to 20 % longer.
 *
 *     qemu_nbd_connect() -> (the server creates the export) -> qemu_nbd_start() -> … -> qemu_nbd_free()
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base-cleanup.h"
#include "base-error.h"

#define DISK_NBD_CONNECTIONS ((size_t) 2)
#define DISK_NBD_BUFFERS     ((size_t) 16) /* of DISK_BUFFER_BYTES */

typedef struct QemuNbd QemuNbd;

typedef struct QemuNbdAddress {
        struct sockaddr_un name;
        socklen_t size;
} QemuNbdAddress;

/**
 * qemu_nbd_connect() - make all connections to the server
 * @name:       of the export, also used in messages; copied
 * @ret:        owned by the caller
 *
 * A server that accepts at most DISK_NBD_CONNECTIONS can then show the export to nobody else.
 */
int qemu_nbd_connect(const QemuNbdAddress *address, const char *name, QemuNbd **ret, Error *error);

/** qemu_nbd_start() - use the export */
int qemu_nbd_start(QemuNbd *nbd, Error *error);

/** qemu_nbd_free() - close the connections, and release @nbd */
QemuNbd *qemu_nbd_free(QemuNbd *nbd);

int qemu_nbd_get_buffer(QemuNbd *nbd, void **ret, Error *error);
int qemu_nbd_write(QemuNbd *nbd, void *buffer, uint64_t offset, size_t size, Error *error);
int qemu_nbd_read(QemuNbd *nbd, uint64_t offset, void *data, size_t size, Error *error);
int qemu_nbd_trim(QemuNbd *nbd, uint64_t offset, uint64_t size, Error *error);
int qemu_nbd_flush(QemuNbd *nbd, Error *error);

DEFINE_CLEANUP(QemuNbd, qemu_nbd_free);
