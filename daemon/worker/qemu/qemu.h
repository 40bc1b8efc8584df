/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A chain of qcow2 images, written by QEMU's own code: qemu-storage-daemon(1), a child process that is
 * told what to do over QMP and gets content over NBD. It opens nothing but the images' descriptors, by
 * "/proc/self/fd/N".
 *
 *     qemu_start() -> (qemu_use_image() | qemu_create_image() -> ext4_device_flush() ->
 *                      ext4_device_free() -> qemu_close_image()?)* -> qemu_free()
 *
 * A flushed image is complete, but not necessarily on the disk: fsync(2) of its descriptor is the
 * caller's.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "ext4-device.h"

#define QEMU_IMAGES_MAX ((size_t) 1001)

typedef struct Qemu Qemu;

typedef struct QemuOptions {
        const char *program; /* "qemu-storage-daemon", or its absolute path */

        /* Of all images, the lowest first, each over 2; borrowed for the call. They are opened again, so
         * that O_PATH is enough: the child's user needs the permission, and so does its Landlock. */
        const int *image_fds;
        size_t n_images;
        uint64_t size; /* of the disks, bytes */

        /* Called in the child before the program is executed, which it is not when this fails;
         * @userdata is borrowed for the call. NULL: the child is not confined. */
        int (*confine)(void *userdata, Error *error);
        void *userdata;
} QemuOptions;

/**
 * qemu_start() - start the process
 * @ret:        owned by the caller; untouched on failure
 *
 * From the thread with which it is to end, before there are others. It is told what to do over sockets
 * that other users could connect to, in vain, where the network has not been left.
 *
 * Return: 0, or a negative errno with @error set: ERROR_NOT_FOUND, which names the package, when
 * the program is not installed.
 */
int qemu_start(const QemuOptions *options, Qemu **ret, Error *error);

/** qemu_free() - end the process, and release @qemu (may be NULL), after its device */
Qemu *qemu_free(Qemu *qemu);

/** qemu_use_image() - image @index has its content already: it backs the next one */
int qemu_use_image(Qemu *qemu, size_t index, Error *error);

/**
 * qemu_create_image() - make image @index, backed by the one before it, ready to be written
 * @backing_name:  what the image says of where the one before it is; ignored for the first one
 * @ret:           owned by the caller; at most one at a time
 *
 * Return: 0, or a negative errno with @error set. When the process is gone, here or in a function of the
 * device, the error says so, and how it ended.
 */
int qemu_create_image(
        Qemu *qemu, size_t index, const char *backing_name, Ext4Device **ret, Error *error);

/** qemu_close_image() - nothing more is written to the image created last: QEMU opens it to read, now */
int qemu_close_image(Qemu *qemu, Error *error);

DEFINE_CLEANUP(Qemu, qemu_free);
