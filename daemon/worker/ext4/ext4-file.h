/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A disk image without a format: a file with the content of the disk, whose holes are zeros. */

#include "ext4-device.h"

/**
 * ext4_file_new() - use a file as a device
 * @fd:         of a regular file with the disk's size; borrowed, must outlive the device
 * @ret:        owned by the caller
 *
 * Discarded content becomes holes, if the file system supports them.
 */
int ext4_file_new(int fd, Ext4Device **ret, Error *error);
