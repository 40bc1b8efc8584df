/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include "base-fd.h"
#include "qemu-process.h"
#include "qemu-qmp.h"
#include "qemu-vhost.h"
#include "qemu-words.h"
#include "qemu.h"

#define NODE_MAX       ((size_t) 32)
#define ARGUMENT_MAX   ((size_t) 128)
#define L2_CACHE_BYTES (1 << 20) /* of each image: tables of 8 GiB of the disk */
#define EMPTY_NODE     "empty"   /* what is exported while no image is being written */

struct Qemu {
        QemuProcess *process; /* owned */
        QemuQmp *qmp;         /* owned */
        QemuVhost *vhost;     /* owned */
        uint64_t size;        /* of the disks, bytes */
        bool is_busy;         /* an image is being written */
        size_t n_done;        /* images that can be backing files, or are being written */
        size_t n_images;
        int image_fds[]; /* numbers in the process */
};

typedef struct QemuImage {
        Ext4Device device;
        Qemu *qemu; /* borrowed */
} QemuImage;

Qemu *qemu_free(Qemu *qemu) {
        if (!qemu)
                return NULL;

        /* First of all, or it would serve the next connection. */
        qemu_process_free(qemu->process);
        qemu_vhost_free(qemu->vhost);
        qemu_qmp_free(qemu->qmp);
        free(qemu);
        return NULL;
}

/* Whether the file system of the image that is being written is full. */
static bool is_full(const Qemu *qemu) {
        struct statfs st;

        return qemu->n_done > 0 && fstatfs(qemu->image_fds[qemu->n_done - 1], &st) >= 0 &&
               st.f_bavail * (uint64_t) st.f_bsize < DISK_BUFFER_BYTES;
}

/* Explains a lost connection, and an error without an errno. */
static int explain(Qemu *qemu, int r, Error *error) {
        if (r == -EIO && is_full(qemu)) {
                if (error)
                        error_clear(error);
                return error_set_errno(error, ENOSPC, "Cannot write a disk image");
        }
        if (r != DISK_GONE)
                return r;

        if (error)
                error_clear(error);
        return qemu_process_explain(qemu->process, error);
}

/* An address that the kernel chooses, without a file. */
static int listen_somewhere(int *ret, QemuVhostAddress *ret_address, Error *error) {
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        QemuVhostAddress address = { .name = { .sun_family = AF_UNIX },
                                     .size = sizeof(address.name) };
        struct sockaddr *name = (struct sockaddr *) &address.name;

        if (fd < 0 || bind(fd, name, sizeof(sa_family_t)) < 0 ||
            getsockname(fd, name, &address.size) < 0 || listen(fd, QEMU_VHOST_BACKLOG) < 0)
                return error_set_errno(error, errno, "Cannot create a socket");

        *ret = TAKE_FD(fd);
        *ret_address = address;
        return 0;
}

static int start_process(
        const QemuOptions *options, int qmp_fd, int disk_fd, QemuProcess **ret, Error *error) {
        char monitor[ARGUMENT_MAX], empty[ARGUMENT_MAX], export[ARGUMENT_MAX];
        char *arguments[] = {
                (char *) "qemu-storage-daemon",
                (char *) "--blockdev",
                empty,
                (char *) "--blockdev",
                (char *) "driver=raw,node-name=disk,file=" EMPTY_NODE,
                (char *) "--export",
                export,
                (char *) "--chardev",
                monitor,
                (char *) "--monitor",
                (char *) "chardev=qmp",
                NULL,
        };
        _cleanup_(freep) int *fds = calloc(options->n_images + 2, sizeof(*fds));

        if (!fds)
                return error_oom(error);
        memcpy(fds, options->image_fds, options->n_images * sizeof(*fds));
        fds[options->n_images] = qmp_fd;
        fds[options->n_images + 1] = disk_fd;

        (void) snprintf(monitor, sizeof(monitor), "socket,id=qmp,fd=%d", qmp_fd);
        (void) snprintf(
                empty, sizeof(empty),
                "driver=null-co,node-name=" EMPTY_NODE ",read-zeroes=on,size=%" PRIu64,
                options->size);
        (void) snprintf(
                export, sizeof(export),
                "type=vhost-user-blk,id=disk,node-name=disk,writable=on,addr.type=fd,addr.str=%d",
                disk_fd);
        return qemu_process_start(
                &(const QemuProcessOptions){
                        .program = options->program,
                        .arguments = arguments,
                        .fds = fds,
                        .n_fds = options->n_images + 2,
                        .confine = options->confine,
                        .userdata = options->userdata,
                },
                ret, error);
}

int qemu_start(const QemuOptions *options, Qemu **ret, Error *error) {
        _cleanup_(qemu_freep) Qemu *qemu = NULL;
        _cleanup_(closep) int own_fd = -EBADF, qmp_fd = -EBADF, disk_fd = -EBADF;
        QemuVhostAddress address;
        int fds[2], r;

        if (options->n_images > QEMU_IMAGES_MAX)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "A chain cannot have more than %zu images", QEMU_IMAGES_MAX);
        qemu = calloc(1, sizeof(*qemu) + options->n_images * sizeof(qemu->image_fds[0]));
        if (!qemu)
                return error_oom(error);
        qemu->size = options->size;
        qemu->n_images = options->n_images;
        memcpy(qemu->image_fds, options->image_fds, options->n_images * sizeof(int));

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return error_set_errno(error, errno, "Cannot create a socket");
        own_fd = fds[0];
        qmp_fd = fds[1];
        r = listen_somewhere(&disk_fd, &address, error);
        if (r >= 0)
                r = qemu_vhost_connect(&address, &qemu->vhost, error);
        if (r >= 0)
                r = start_process(options, qmp_fd, disk_fd, &qemu->process, error);
        if (r < 0)
                return r;
        (void) close(TAKE_FD(qmp_fd));
        (void) close(TAKE_FD(disk_fd));

        r = qemu_qmp_new(TAKE_FD(own_fd), &qemu->qmp, error);
        if (r >= 0)
                r = qemu_vhost_start(qemu->vhost, error);
        if (r < 0)
                return explain(qemu, r, error);

        *ret = TAKE_PTR(qemu);
        return 0;
}

static int execute(Qemu *qemu, const char *command, json_t *arguments, json_t **ret, Error *error) {
        return qemu_qmp_execute(qemu->qmp, command, arguments, ret, error);
}

static int add_file(Qemu *qemu, size_t index, bool read_only, Error *error) {
        char path[FD_PATH_MAX], node[NODE_MAX];

        (void) snprintf(node, sizeof(node), "file-%zu", index);
        return execute(
                qemu, "blockdev-add",
                json_pack(
                        "{s:s, s:s, s:s, s:b, s:s, s:{s:b}}", "driver", "file", "node-name", node,
                        "filename", fd_path(qemu->image_fds[index], path), "read-only",
                        (int) read_only, "discard", "unmap", "cache", "no-flush", 1),
                NULL, error);
}

static int add_image(Qemu *qemu, size_t index, bool read_only, Error *error) {
        char file[NODE_MAX], node[NODE_MAX], backing[NODE_MAX];

        (void) snprintf(file, sizeof(file), "file-%zu", index);
        (void) snprintf(node, sizeof(node), "image-%zu", index);
        (void) snprintf(backing, sizeof(backing), "image-%zu", index - 1);
        return execute(
                qemu, "blockdev-add",
                json_pack(
                        "{s:s, s:s, s:s, s:s?, s:b, s:s, s:i, s:{s:b}}", "driver", "qcow2",
                        "node-name", node, "file", file, "backing", index > 0 ? backing : NULL,
                        "read-only", (int) read_only, "discard", "unmap", "l2-cache-size",
                        L2_CACHE_BYTES, "cache", "no-flush", 1),
                NULL, error);
}

/* The job is the only one. */
static int finish_job(Qemu *qemu, Error *error) {
        _cleanup_(json_decrefp) json_t *jobs = NULL;
        const char *problem;
        int r;

        r = qemu_qmp_wait(qemu->qmp, QMP_JOB_CONCLUDED, error);
        if (r >= 0)
                r = execute(qemu, "query-jobs", json_object(), &jobs, error);
        if (r >= 0)
                r = execute(qemu, "job-dismiss", json_pack("{s:s}", "id", "create"), NULL, error);
        if (r < 0)
                return r;

        problem = json_string_value(json_object_get(json_array_get(jobs, 0), "error"));
        return problem ? qemu_qmp_refused("blockdev-create", problem, error) : 0;
}

static int write_header(Qemu *qemu, size_t index, const char *backing_name, Error *error) {
        char file[NODE_MAX];
        json_t *options;
        int r;

        (void) snprintf(file, sizeof(file), "file-%zu", index);
        options = json_pack(
                "{s:s, s:s, s:I, s:s, s:s*, s:s*}", "driver", "qcow2", "file", file, "size",
                (json_int_t) qemu->size, "version", "v3", "backing-file",
                index > 0 ? backing_name : NULL, "backing-fmt", index > 0 ? "qcow2" : NULL);
        if (!options)
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The name of a backing file is not valid UTF-8");

        r = execute(
                qemu, "blockdev-create",
                json_pack("{s:s, s:o}", "job-id", "create", "options", options), NULL, error);
        return r < 0 ? r : finish_job(qemu, error);
}

/* What the exported disk is from here on. */
static int export_node(Qemu *qemu, const char *node, Error *error) {
        return execute(
                qemu, "blockdev-reopen",
                json_pack(
                        "{s:[{s:s, s:s, s:s, s:s, s:{s:b}}]}", "options", "driver", "raw",
                        "node-name", "disk", "file", node, "discard", "unmap", "cache", "no-flush",
                        1),
                NULL, error);
}

static QemuImage *image_of(Ext4Device *device) {
        return (QemuImage *) device;
}

static int image_get_buffer(Ext4Device *device, void **ret, Error *error) {
        QemuImage *image = image_of(device);

        return explain(image->qemu, qemu_vhost_get_buffer(image->qemu->vhost, ret, error), error);
}

static int image_write(
        Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error) {
        QemuImage *image = image_of(device);

        return explain(
                image->qemu, qemu_vhost_write(image->qemu->vhost, buffer, offset, size, error),
                error);
}

static int image_read(Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error) {
        QemuImage *image = image_of(device);

        return explain(
                image->qemu, qemu_vhost_read(image->qemu->vhost, offset, data, size, error), error);
}

static int image_trim(Ext4Device *device, uint64_t offset, uint64_t size, Error *error) {
        QemuImage *image = image_of(device);

        return explain(
                image->qemu, qemu_vhost_trim(image->qemu->vhost, offset, size, error), error);
}

static int image_flush(Ext4Device *device, Error *error) {
        QemuImage *image = image_of(device);

        return explain(image->qemu, qemu_vhost_flush(image->qemu->vhost, error), error);
}

/* If the process has exited or misbehaves, the next call reports it, and it is asked for nothing. */
static void image_free(Ext4Device *device) {
        QemuImage *image = image_of(device);

        if (qemu_vhost_wait(image->qemu->vhost, NULL) >= 0)
                (void) export_node(image->qemu, EMPTY_NODE, NULL);
        image->qemu->is_busy = false;
        free(image);
}

static const Ext4DeviceOps image_ops = {
        .get_buffer = image_get_buffer,
        .write = image_write,
        .read = image_read,
        .trim = image_trim,
        .flush = image_flush,
        .free = image_free,
};

static int check_order(const Qemu *qemu, size_t index, Error *error) {
        if (index != qemu->n_done || index >= qemu->n_images || qemu->is_busy)
                return error_set(error, EINVAL, ERROR_FAILED, "Image %zu is out of order", index);
        return 0;
}

static int create_image(Qemu *qemu, size_t index, const char *backing_name, Error *error) {
        char node[NODE_MAX];
        int r;

        r = add_file(qemu, index, false, error);
        if (r >= 0)
                r = write_header(qemu, index, backing_name, error);
        if (r >= 0)
                r = add_image(qemu, index, false, error);
        if (r < 0)
                return r;

        (void) snprintf(node, sizeof(node), "image-%zu", index);
        return export_node(qemu, node, error);
}

int qemu_create_image(
        Qemu *qemu, size_t index, const char *backing_name, Ext4Device **ret, Error *error) {
        _cleanup_(freep) QemuImage *image = calloc(1, sizeof(*image));
        int r;

        if (!image)
                return error_oom(error);
        r = check_order(qemu, index, error);
        if (r >= 0)
                r = explain(qemu, create_image(qemu, index, backing_name, error), error);
        if (r < 0)
                return r;

        qemu->n_done++;
        qemu->is_busy = true;
        image->device.ops = &image_ops;
        image->qemu = qemu;
        *ret = &TAKE_PTR(image)->device;
        return 0;
}

static int add_read_only(Qemu *qemu, size_t index, Error *error) {
        int r;

        r = add_file(qemu, index, true, error);
        return r < 0 ? r : add_image(qemu, index, true, error);
}

int qemu_use_image(Qemu *qemu, size_t index, Error *error) {
        int r;

        r = check_order(qemu, index, error);
        if (r >= 0)
                r = explain(qemu, add_read_only(qemu, index, error), error);
        if (r < 0)
                return r;

        qemu->n_done++;
        return 0;
}

static int remove_node(Qemu *qemu, const char *kind, size_t index, Error *error) {
        char node[NODE_MAX];

        (void) snprintf(node, sizeof(node), "%s-%zu", kind, index);
        return execute(qemu, "blockdev-del", json_pack("{s:s}", "node-name", node), NULL, error);
}

static int close_image(Qemu *qemu, size_t index, Error *error) {
        int r;

        r = remove_node(qemu, "image", index, error);
        if (r >= 0)
                r = remove_node(qemu, "file", index, error);
        return r < 0 ? r : add_read_only(qemu, index, error);
}

int qemu_close_image(Qemu *qemu, Error *error) {
        if (qemu->n_done == 0 || qemu->is_busy)
                return error_set(error, EINVAL, ERROR_FAILED, "No image is ready to be closed");

        return explain(qemu, close_image(qemu, qemu->n_done - 1, error), error);
}
