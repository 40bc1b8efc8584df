/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A disk that QEMU exports as a vhost-user-blk device (docs/interop/vhost-user.rst of QEMU): requests of virtio-blk
 * (VIRTIO 1.2, 5.2) in memory that both processes have mapped, so that nothing is copied on the way to the process
 * which writes it. Two event descriptors announce requests and their ends.
 *
 *     qemu_vhost_connect() -> (the process starts) -> qemu_vhost_start() -> … -> qemu_vhost_free()
 *
 * The functions are those of an Ext4Device, and return DISK_GONE, with @error set, if the process has exited.
 * Errors of QEMU have no errno: -EIO. After DISK_GONE, and after -EBADMSG, which means that the process does not behave
 * like such a device, they fail likewise at once, and wait for nothing.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base-cleanup.h"
#include "base-error.h"

#define QEMU_VHOST_BUFFERS ((size_t) 16) /* of DISK_BUFFER_BYTES; as many requests at a time */

#define QEMU_VHOST_BACKLOG 0 /* for listen(2): one connection can wait to be accepted */

typedef struct QemuVhost QemuVhost;

typedef struct QemuVhostAddress {
        struct sockaddr_un name;
        socklen_t size;
} QemuVhostAddress;

/**
 * qemu_vhost_connect() - connect to the socket that the process will get
 * @ret:        owned by the caller
 *
 * The process serves the first connection. Others may know the address, but then the caller's is the only one, or
 * fails: -EAGAIN. The socket must listen with QEMU_VHOST_BACKLOG, and nobody may have accepted anything.
 */
int qemu_vhost_connect(const QemuVhostAddress *address, QemuVhost **ret, Error *error);

/** qemu_vhost_start() - agree with the process, which must have started, on how to communicate */
int qemu_vhost_start(QemuVhost *vhost, Error *error);

/** qemu_vhost_free() - close the connection, and release @vhost */
QemuVhost *qemu_vhost_free(QemuVhost *vhost);

int qemu_vhost_get_buffer(QemuVhost *vhost, void **ret, Error *error);
int qemu_vhost_write(QemuVhost *vhost, void *buffer, uint64_t offset, size_t size, Error *error);
int qemu_vhost_read(QemuVhost *vhost, uint64_t offset, void *data, size_t size, Error *error);
int qemu_vhost_trim(QemuVhost *vhost, uint64_t offset, uint64_t size, Error *error);
int qemu_vhost_flush(QemuVhost *vhost, Error *error);

/** qemu_vhost_wait() - wait until no request is left */
int qemu_vhost_wait(QemuVhost *vhost, Error *error);

DEFINE_CLEANUP(QemuVhost, qemu_vhost_free);
