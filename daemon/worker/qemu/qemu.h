/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A chain of qcow2 images, written by QEMU's own code: qemu-storage-daemon(1), a child process that takes
 * commands over QMP and content in shared memory. It opens only the images' descriptors, by "/proc/self/fd/N".
 *
 * What it exports is one node above all images, "disk": the image that is being written, or none. So the
 * connection is made before the process exists, once, and nobody else can have one.
 *
 *     qemu_start() -> (qemu_use_image() | qemu_create_image() -> ext4_device_flush() ->
 *                      ext4_device_free() -> qemu_close_image()?)* -> qemu_free()
 *
 * A flushed image is complete, but not necessarily on the disk: the caller calls fsync(2) on its
 * descriptor.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "ext4-device.h"

#define QEMU_IMAGES_MAX ((size_t) 1001)

typedef struct Qemu Qemu;

typedef struct QemuOptions {
        const char *program; /* "qemu-storage-daemon", or its absolute path */

        /* Of all images, the lowest first, each over 2; borrowed, must outlive the Qemu. They are reopened, so
         * O_PATH is enough; the child's user and its Landlock rules must permit it. */
        const int *image_fds;
        size_t n_images;
        uint64_t size; /* of the disks, bytes */

        /* Called in the child before it executes the program; a failure prevents that. @userdata is
         * borrowed for the call. NULL: the child is not confined. */
        int (*confine)(void *userdata, Error *error);
        void *userdata;
} QemuOptions;

/**
 * qemu_start() - start the process
 * @ret:        owned by the caller
 *
 * Call it from the thread with which the process is to end, before other threads exist. If the network has
 * not been left, other users can connect to its socket, but to no effect.
 *
 * ERROR_NOT_FOUND, which names the package, if the program is not installed.
 */
int qemu_start(const QemuOptions *options, Qemu **ret, Error *error);

/** qemu_free() - end the process, and release @qemu, after its device */
Qemu *qemu_free(Qemu *qemu);

/** qemu_use_image() - use the existing image @index, which backs the next one */
int qemu_use_image(Qemu *qemu, size_t index, Error *error);

/**
 * qemu_create_image() - create image @index, backed by the previous one, and open it for writing
 * @backing_name:  the path of the previous image, stored in this one; ignored for the first one
 * @ret:           owned by the caller; at most one at a time
 *
 * If the process has exited, this function and those of the device say so, and how it ended.
 */
int qemu_create_image(
        Qemu *qemu, size_t index, const char *backing_name, Ext4Device **ret, Error *error);

/** qemu_close_image() - end writing the last created image, which QEMU reopens read-only */
int qemu_close_image(Qemu *qemu, Error *error);

DEFINE_CLEANUP(Qemu, qemu_free);
