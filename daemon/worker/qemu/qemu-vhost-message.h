/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Messages of the vhost-user protocol (docs/interop/vhost-user.rst of QEMU) that set up a device with one queue:
 * a head of 12 bytes, then the payload, in the byte order of the machine.
 */

#include <stddef.h>
#include <stdint.h>

typedef enum QemuVhostKind {
        VHOST_GET_FEATURES = 1,
        VHOST_FEATURES = 2,
        VHOST_OWNER = 3,
        VHOST_MEMORY = 5,
        VHOST_QUEUE_SIZE = 8,
        VHOST_QUEUE_ADDRESS = 9,
        VHOST_QUEUE_BASE = 10,
        VHOST_QUEUE_KICK = 12,
        VHOST_QUEUE_CALL = 13,
} QemuVhostKind;

/* Memory that requests may refer to, with a descriptor. */
typedef struct QemuVhostMemory {
        uint32_t n_regions;
        uint32_t padding;
        struct {
                uint64_t guest_address; /* in requests */
                uint64_t size;          /* bytes */
                uint64_t user_address;  /* in QemuVhostQueueAddress */
                uint64_t offset;        /* in the descriptor's file */
        } region;
} QemuVhostMemory;

typedef struct QemuVhostQueue {
        uint32_t queue;
        uint32_t value;
} QemuVhostQueue;

typedef struct QemuVhostQueueAddress {
        uint32_t queue;
        uint32_t flags;
        uint64_t descriptors;
        uint64_t used;
        uint64_t available;
        uint64_t log;
} QemuVhostQueueAddress;

/**
 * qemu_vhost_send() - send a message
 * @passed_fd:  passed along, unless it is negative
 *
 * Return: 0 or a negative errno.
 */
int qemu_vhost_send(int fd, QemuVhostKind kind, const void *payload, size_t size, int passed_fd);

/** qemu_vhost_receive() - receive the answer to a message of @kind; -EBADMSG if it is something else, -EPIPE at the
 * end */
int qemu_vhost_receive(int fd, QemuVhostKind kind, void *ret, size_t size);
