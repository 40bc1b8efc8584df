/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The content of one disk image that is being written: all that the code for file systems knows of
 * images. It is an image of QEMU's (qemu.h), or a plain file (ext4-file.h).
 *
 *     ext4_device_get_buffer() -> fill it -> ext4_device_write()    any number of times
 *     ext4_device_flush() -> ext4_device_free()
 *
 * One thread makes all calls. Offsets and sizes are bytes. A later call may report the error of a write.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

#define DISK_BUFFER_BYTES ((size_t) 1 << 20)

typedef struct Ext4Device Ext4Device;

/* Each like the function ext4_device_…() below. */
typedef struct Ext4DeviceOps {
        int (*get_buffer)(Ext4Device *device, void **ret, Error *error);
        int (*write)(Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error);
        int (*read)(Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error);
        int (*trim)(Ext4Device *device, uint64_t offset, uint64_t size, Error *error);
        int (*flush)(Ext4Device *device, Error *error);
        void (*free)(Ext4Device *device);
} Ext4DeviceOps;

/* The first member of the structure of each kind of device. */
struct Ext4Device {
        const Ext4DeviceOps *ops; /* static */
};

/**
 * ext4_device_get_buffer() - get a buffer of DISK_BUFFER_BYTES to fill
 * @ret:        owned by the device; return it by ext4_device_write(), with a size of 0 if it is not needed
 *
 * Waits while all buffers are being written. The caller may have two at a time.
 */
int ext4_device_get_buffer(Ext4Device *device, void **ret, Error *error);

/** ext4_device_write() - return a buffer, and write its first @size bytes */
int ext4_device_write(Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error);

/** ext4_device_read() - read, including everything written before */
int ext4_device_read(Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error);

/** ext4_device_trim() - discard content; whole clusters then take no space */
int ext4_device_trim(Ext4Device *device, uint64_t offset, uint64_t size, Error *error);

/** ext4_device_flush() - wait until everything is written (but not until it is on the disk) */
int ext4_device_flush(Ext4Device *device, Error *error);

/** ext4_device_free() - release @device; unflushed content may be lost */
Ext4Device *ext4_device_free(Ext4Device *device);

DEFINE_CLEANUP(Ext4Device, ext4_device_free);
