/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base-fd.h"
#include "base-macro.h"
#include "ext4-file.h"

#define BUFFERS_MAX 2 /* that the user of a device has at a time */

typedef struct Ext4File {
        Ext4Device device; /* first */
        int fd;            /* borrowed */
        struct {
                void *data; /* owned; NULL before it is needed */
                bool is_taken;
        } buffers[BUFFERS_MAX];
} Ext4File;

static int get_buffer(Ext4Device *device, void **ret, Error *error) {
        Ext4File *file = (Ext4File *) device;
        size_t i = 0;

        while (i < BUFFERS_MAX && file->buffers[i].is_taken)
                i++;
        assert(i < BUFFERS_MAX);

        if (!file->buffers[i].data)
                file->buffers[i].data = malloc(DISK_BUFFER_BYTES);
        if (!file->buffers[i].data)
                return error_oom(error);
        file->buffers[i].is_taken = true;
        *ret = file->buffers[i].data;
        return 0;
}

static int write_buffer(
        Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error) {
        Ext4File *file = (Ext4File *) device;
        int r;

        for (size_t i = 0; i < BUFFERS_MAX; i++)
                if (file->buffers[i].data == buffer)
                        file->buffers[i].is_taken = false;

        r = fd_pwrite_full(file->fd, buffer, size, offset);
        return r < 0 ? error_set_errno(error, -r, "Cannot write a disk image") : 0;
}

static int read_content(
        Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error) {
        const ssize_t n = fd_pread_full(((Ext4File *) device)->fd, data, size, offset);

        if (n == (ssize_t) size)
                return 0;
        return error_set_errno(error, n < 0 ? (int) -n : EIO, "Cannot read a disk image");
}

static int trim_content(Ext4Device *device, uint64_t offset, uint64_t size, Error *error) {
        /* Without holes, the file merely takes more space. */
        if (fallocate(
                    ((Ext4File *) device)->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    (off_t) offset, (off_t) size) < 0 &&
            errno != EOPNOTSUPP)
                return error_set_errno(error, errno, "Cannot discard content of a disk image");
        return 0;
}

static int flush_content(Ext4Device *device, Error *error) {
        return 0;
}

static void free_file(Ext4Device *device) {
        Ext4File *file = (Ext4File *) device;

        for (size_t i = 0; i < BUFFERS_MAX; i++)
                free(file->buffers[i].data);
        free(file);
}

static const Ext4DeviceOps file_ops = {
        .get_buffer = get_buffer,
        .write = write_buffer,
        .read = read_content,
        .trim = trim_content,
        .flush = flush_content,
        .free = free_file,
};

int ext4_file_new(int fd, Ext4Device **ret, Error *error) {
        Ext4File *file = calloc(1, sizeof(*file));

        if (!file)
                return error_oom(error);

        file->device.ops = &file_ops;
        file->fd = fd;
        *ret = &file->device;
        return 0;
}
