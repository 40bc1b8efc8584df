/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ext4-device.h"

int ext4_device_get_buffer(Ext4Device *device, void **ret, Error *error) {
        return device->ops->get_buffer(device, ret, error);
}

int ext4_device_write(
        Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error) {
        return device->ops->write(device, buffer, offset, size, error);
}

int ext4_device_read(Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error) {
        return device->ops->read(device, offset, data, size, error);
}

int ext4_device_trim(Ext4Device *device, uint64_t offset, uint64_t size, Error *error) {
        return device->ops->trim(device, offset, size, error);
}

int ext4_device_flush(Ext4Device *device, Error *error) {
        return device->ops->flush(device, error);
}

Ext4Device *ext4_device_free(Ext4Device *device) {
        if (device)
                device->ops->free(device);
        return NULL;
}
