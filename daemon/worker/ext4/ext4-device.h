/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The content of one disk image that is being written. What writes file systems knows nothing else of
 * images; tests put a plain file here.
 *
 *     ext4_device_get_buffer() -> fill it -> ext4_device_write()    any number of times
 *     ext4_device_flush() -> ext4_device_free()
 *
 * All calls come from one thread. Offsets and sizes are bytes. Functions return 0, or a negative errno
 * with @error set; what goes wrong with a write may be told by a later call.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

#define DISK_BUFFER_BYTES ((size_t) 1 << 20)

typedef struct Ext4Device Ext4Device;

/* Each as the function disk_device_… below. */
typedef struct Ext4DeviceOps {
        int (*get_buffer)(Ext4Device *device, void **ret, Error *error);
        int (*write)(Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error);
        int (*read)(Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error);
        int (*trim)(Ext4Device *device, uint64_t offset, uint64_t size, Error *error);
        int (*flush)(Ext4Device *device, Error *error);
        void (*free)(Ext4Device *device);
} Ext4DeviceOps;

/* The first member of each kind's own structure. */
struct Ext4Device {
        const Ext4DeviceOps *ops; /* static */
};

/**
 * ext4_device_get_buffer() - a buffer of DISK_BUFFER_BYTES to be filled
 * @ret:        the device's; handed back by ext4_device_write(), with a size of 0 if it is not needed
 *
 * Waits while all of them are being written. The caller may have two at a time.
 */
int ext4_device_get_buffer(Ext4Device *device, void **ret, Error *error);

/** ext4_device_write() - hand back a buffer, whose first @size bytes are then written */
int ext4_device_write(Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error);

/** ext4_device_read() - read; sees all that was written before */
int ext4_device_read(Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error);

/** ext4_device_trim() - nobody needs the content any more; whole clusters then take no space */
int ext4_device_trim(Ext4Device *device, uint64_t offset, uint64_t size, Error *error);

/** ext4_device_flush() - wait until all is written (not: until it is on the disk) */
int ext4_device_flush(Ext4Device *device, Error *error);

/** ext4_device_free() - release @device (may be NULL); what was not flushed may be lost */
Ext4Device *ext4_device_free(Ext4Device *device);

DEFINE_CLEANUP(Ext4Device, ext4_device_free);
