/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ext4-device.h"

int disk_device_get_buffer(DiskDevice *device, void **ret, Error *error) {
        return device->ops->get_buffer(device, ret, error);
}

int disk_device_write(
        DiskDevice *device, void *buffer, uint64_t offset, size_t size, Error *error) {
        return device->ops->write(device, buffer, offset, size, error);
}

int disk_device_read(DiskDevice *device, uint64_t offset, void *data, size_t size, Error *error) {
        return device->ops->read(device, offset, data, size, error);
}

int disk_device_trim(DiskDevice *device, uint64_t offset, uint64_t size, Error *error) {
        return device->ops->trim(device, offset, size, error);
}

int disk_device_flush(DiskDevice *device, Error *error) {
        return device->ops->flush(device, error);
}

DiskDevice *disk_device_free(DiskDevice *device) {
        if (device)
                device->ops->free(device);
        return NULL;
}
