/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The content of one disk image that is being written. What writes file systems knows nothing else of
 * images; tests put a plain file here.
 *
 *     disk_device_get_buffer() -> fill it -> disk_device_write()    any number of times
 *     disk_device_flush() -> disk_device_free()
 *
 * All calls come from one thread. Offsets and sizes are bytes. Functions return 0, or a negative errno
 * with @error set; what goes wrong with a write may be told by a later call.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

#define DISK_BUFFER_BYTES ((size_t) 1 << 20)

typedef struct DiskDevice DiskDevice;

/* Each as the function disk_device_… below. */
typedef struct DiskDeviceOps {
        int (*get_buffer)(DiskDevice *device, void **ret, Error *error);
        int (*write)(DiskDevice *device, void *buffer, uint64_t offset, size_t size, Error *error);
        int (*read)(DiskDevice *device, uint64_t offset, void *data, size_t size, Error *error);
        int (*trim)(DiskDevice *device, uint64_t offset, uint64_t size, Error *error);
        int (*flush)(DiskDevice *device, Error *error);
        void (*free)(DiskDevice *device);
} DiskDeviceOps;

/* The first member of each kind's own structure. */
struct DiskDevice {
        const DiskDeviceOps *ops; /* static */
};

/**
 * disk_device_get_buffer() - a buffer of DISK_BUFFER_BYTES to be filled
 * @ret:        the device's; handed back by disk_device_write(), with a size of 0 if it is not needed
 *
 * Waits while all of them are being written. The caller may have two at a time.
 */
int disk_device_get_buffer(DiskDevice *device, void **ret, Error *error);

/** disk_device_write() - hand back a buffer, whose first @size bytes are then written */
int disk_device_write(DiskDevice *device, void *buffer, uint64_t offset, size_t size, Error *error);

/** disk_device_read() - read; sees all that was written before */
int disk_device_read(DiskDevice *device, uint64_t offset, void *data, size_t size, Error *error);

/** disk_device_trim() - nobody needs the content any more; whole clusters then take no space */
int disk_device_trim(DiskDevice *device, uint64_t offset, uint64_t size, Error *error);

/** disk_device_flush() - wait until all is written (not: until it is on the disk) */
int disk_device_flush(DiskDevice *device, Error *error);

/** disk_device_free() - release @device (may be NULL); what was not flushed may be lost */
DiskDevice *disk_device_free(DiskDevice *device);

DEFINE_CLEANUP(DiskDevice, disk_device_free);
