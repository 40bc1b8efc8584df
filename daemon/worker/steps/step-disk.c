/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-fd.h"
#include "ext4-file.h"
#include "ext4.h"
#include "qemu.h"
#include "sandbox.h"
#include "step-layers.h"
#include "step-rootfs.h"
#include "step.h"
#include "unpack-writeback.h"

#define QEMU_PROGRAM "qemu-storage-daemon"
#define MIB          (UINT64_C(1) << 20)

/* Uncompressed bytes after which the image that gets them starts to be written to the disk. */
#define WRITEBACK_BYTES (UINT64_C(16) << 20)

/* The images that the daemon handed over, and the process that fills them. */
typedef struct Chain {
        int *fds;               /* owned, -EBADF for none; for fsync(2) */
        int *paths;             /* owned, the same files with O_PATH, for QEMU to open */
        char (*backings)[1024]; /* owned */
        uint32_t n;
        uint32_t n_complete; /* the lowest ones, already complete */
        uint32_t n_begun;
        bool no_sync;
        bool is_flat;               /* the only image gets all layers */
        bool is_raw;                /* it has no format */
        Qemu *qemu;                 /* owned; NULL if the image is raw */
        Ext4Device *device;         /* owned; of the image being written */
        UnpackWriteback *writeback; /* owned; NULL: not needed yet */
        uint64_t n_started;         /* uncompressed bytes whose writing to the disk has started */
} Chain;

static void chain_done(Chain *chain) {
        ext4_device_free(chain->device);
        qemu_free(chain->qemu);
        unpack_writeback_free(chain->writeback);
        for (uint32_t i = 0; i < chain->n; i++) {
                closep(&chain->fds[i]);
                closep(&chain->paths[i]);
        }
        free(chain->fds);
        free(chain->paths);
        free(chain->backings);
}

static int chain_init(Chain *chain, uint32_t n, Error *error) {
        *chain = (Chain){
                .fds = calloc(n, sizeof(*chain->fds)),
                .paths = calloc(n, sizeof(*chain->paths)),
                .backings = calloc(n, sizeof(*chain->backings)),
        };
        if (!chain->fds || !chain->paths || !chain->backings)
                return error_oom(error);

        chain->n = n;
        for (uint32_t i = 0; i < n; i++)
                chain->fds[i] = chain->paths[i] = -EBADF;
        return 0;
}

/* QEMU must not have a writable descriptor of a closed image. */
static int keep_image(Chain *chain, uint32_t index, int *fd, Error *error) {
        char path[FD_PATH_MAX];

        chain->fds[index] = TAKE_FD(*fd);
        chain->paths[index] = open(fd_path(chain->fds[index], path), O_PATH | O_CLOEXEC);
        return chain->paths[index] < 0 ? error_set_errno(error, errno, "Cannot reopen a disk image")
                                       : 0;
}

static int receive_images(int socket_fd, Chain *chain, Error *error) {
        for (uint32_t i = 0; i < chain->n; i++) {
                _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
                ProtoMessage message;
                int r;

                r = step_receive(socket_fd, PROTO_DISK_IMAGE, &message, &fds, error);
                if (r < 0)
                        return r;
                if (message.disk_image.index != i ||
                    (message.disk_image.is_complete && chain->n_complete != i))
                        return error_set(
                                error, EBADMSG, ERROR_WORKER_FAILED,
                                "Disk image %u from the daemon is out of place", i);

                r = keep_image(chain, i, &fds.fds[0], error);
                if (r < 0)
                        return r;
                strcpy(chain->backings[i], message.disk_image.backing);
                chain->n_complete += message.disk_image.is_complete;
        }

        return 0;
}

static int start_qemu(Chain *chain, const ProtoDiskStart *start, Error *error) {
        SandboxFiles files = {
                .mode = (SandboxMode) start->sandbox,
                .user = start->user,
                .fds = chain->fds,
                .n_fds = chain->n,
        };
        const QemuOptions options = {
                .program = QEMU_PROGRAM,
                .image_fds = chain->paths,
                .n_images = chain->n,
                .size = start->size,
                .confine = start->sandbox != SANDBOX_NO ? sandbox_confine : NULL,
                .userdata = &files,
        };

        return qemu_start(&options, &chain->qemu, error);
}

/* They may be the work of others, and QEMU may be taken over by what it reads there: this process must be in its
 * sandbox by then. */
static int use_complete_images(Chain *chain, Error *error) {
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < chain->n_complete; i++)
                r = qemu_use_image(chain->qemu, i, error);

        chain->n_begun = chain->n_complete;
        return r;
}

/* The work to do on the chain; all borrowed. */
typedef struct DiskWork {
        int socket_fd;
        const ProtoDiskStart *start;
        const ProtoFds *fds; /* its descriptors */
        Chain *chain;
        StepLayers *layers;
        const StepRootfs *settings;
} DiskWork;

/* Else most of the images would not be on the disk yet when the last layer is complete. */
static void on_unpacked(void *userdata, uint64_t n) {
        Chain *chain = userdata;

        if (chain->no_sync || n - chain->n_started < WRITEBACK_BYTES || chain->n_begun == 0)
                return;
        if (!chain->writeback && unpack_writeback_new(&chain->writeback, NULL) < 0)
                return;

        chain->n_started = n;
        unpack_writeback_start(
                chain->writeback, chain->fds[chain->n_begun - 1], WRITEBACK_FILE_BYTES);
}

static int new_device(Chain *chain, Error *error) {
        const uint32_t index = chain->n_begun;

        if (chain->is_raw)
                return ext4_file_new(chain->fds[index], &chain->device, error);
        return qemu_create_image(chain->qemu, index, chain->backings[index], &chain->device, error);
}

static int next_device(void *userdata, Ext4Device **ret, Error *error) {
        Chain *chain = ((DiskWork *) userdata)->chain;
        int r;

        if (chain->is_flat && chain->device) {
                *ret = chain->device;
                return 0;
        }

        assert(chain->n_begun < chain->n);
        chain->device = ext4_device_free(chain->device);
        if (chain->writeback && chain->n_begun > 0)
                unpack_writeback_start(
                        chain->writeback, chain->fds[chain->n_begun - 1], WRITEBACK_FILE_BYTES);
        r = new_device(chain, error);
        if (r < 0)
                return r;

        chain->n_begun++;
        *ret = chain->device;
        return 0;
}

static void report_layer(const DiskWork *work, uint32_t index) {
        const ProtoMessage message = {
                .type = PROTO_DISK_LAYER,
                .disk_layer = { .index = index },
        };

        (void) proto_send(work->socket_fd, &message, NULL, 0);
}

static int sync_image(const Chain *chain, uint32_t index, Error *error) {
        return !chain->no_sync && fdatasync(chain->fds[index]) < 0
                       ? error_set_errno(error, errno, "Cannot flush a disk image to the disk")
                       : 0;
}

/* Others will use the image of a shared layer: from here on nobody in this sandbox can write to it. Only
 * then does the daemon hand over the layer above, which may belong to someone else. */
static int on_layer_done(void *userdata, Error *error) {
        const DiskWork *work = userdata;
        Chain *chain = work->chain;
        const uint32_t index = chain->n_begun - 1;
        int r;

        if (index >= work->start->n_layers)
                return 0;

        chain->device = ext4_device_free(chain->device);
        r = qemu_close_image(chain->qemu, error);
        if (r >= 0)
                r = sync_image(chain, index, error);
        if (r < 0)
                return r;

        chain->writeback = unpack_writeback_free(chain->writeback);
        closep(&chain->fds[index]);
        chain->fds[index] = -EBADF;
        report_layer(work, index);
        return 0;
}

static Ext4Options options_of(DiskWork *work) {
        return (Ext4Options){
                .size = work->start->size,
                .label = work->start->label,
                .scratch_fd = work->fds->fds[0],
                .next_device = next_device,
                .layer_done = work->start->shares_layers ? on_layer_done : NULL,
                .userdata = work,
        };
}

/* Whether there are changes that do not belong to a layer. */
static bool has_changes(const DiskWork *work) {
        return work->start->shares_layers || work->start->n_id_ranges > 0 || work->fds->fds[1] >= 0;
}

/* The top image gets them. */
static int change(const DiskWork *work, Ext4 *ext4, Error *error) {
        const StepRootfs *settings = work->settings;
        const int password_fd = work->fds->fds[1];
        int r = 0;

        if (work->start->shares_layers)
                r = ext4_set_identity(ext4, work->start->label, error);
        if (r >= 0 && work->start->n_id_ranges > 0)
                r = ext4_map_owners(ext4, &settings->uids, &settings->gids, error);
        if (r >= 0 && password_fd >= 0)
                r = step_rootfs_set_password(ext4_target(ext4), password_fd, error);
        return r < 0 ? r : ext4_end_layer(ext4, error);
}

/* Compressed bytes left after unpacking @done, or PROTO_SIZE_UNKNOWN. */
static uint64_t bytes_left(const DiskWork *work, uint64_t done) {
        uint64_t all = work->start->layers_bytes;

        if (all == PROTO_SIZE_UNKNOWN)
                all = step_layers_file_bytes(work->layers);
        if (all == PROTO_SIZE_UNKNOWN)
                return all;
        return all > done ? all - done : 0;
}

/* The caller chose the size: suggest one that suffices, estimated from what is @done and what is @left. It is
 * larger in any case, and enough for existing lower layers. */
static int explain_full(
        const DiskWork *work, const Ext4 *ext4, uint64_t done, uint64_t left, Error *error) {
        const uint64_t size = work->start->size;
        const bool lacks_inodes = ext4_lack(ext4) == EXT4_LACKS_INODES;
        uint64_t needed = left != PROTO_SIZE_UNKNOWN ? ext4_size_for(ext4, done, left) : 0;

        if (needed > 0 && needed <= size)
                needed = (size + size / 8 + MIB - 1) / MIB * MIB;

        error_clear(error);
        if (needed == 0 || needed > DISK_SIZE_MAX)
                (void) error_set(
                        error, ENOSPC, ERROR_NO_SPACE, "the size that it needs is unknown");
        else
                (void) error_set(
                        error, ENOSPC, ERROR_NO_SPACE,
                        "it needs about %" PRIu64 " MiB; use --size %" PRIu64 "M", needed / MIB,
                        needed / MIB);
        if (lacks_inodes)
                return error_prefix(
                        error,
                        "The image has more files than a disk of %" PRIu64 " MiB has inodes for",
                        size / MIB);
        return error_prefix(
                error, "The image does not fit into a disk of %" PRIu64 " MiB", size / MIB);
}

static int write_chain(DiskWork *work, Error *error) {
        Ext4Options options = options_of(work);
        _cleanup_(ext4_freep) Ext4 *ext4 = NULL;
        uint64_t done = 0, left = 0;
        int r;

        /* Shared layers do not belong to one image. */
        if (work->start->shares_layers)
                options.label = NULL;
        r = work->chain->n_complete > 0 ? ext4_open(&options, &ext4, error)
                                        : ext4_new(&options, &ext4, error);
        if (r >= 0) {
                r = step_rootfs_unpack(
                        work->socket_fd, work->layers, ext4_target(ext4), work->settings, &done,
                        error);
                left = r < 0 ? bytes_left(work, done) : 0;
        }
        if (r >= 0 && has_changes(work))
                r = change(work, ext4, error);
        if (r < 0 && ext4 && ext4_lack(ext4) != EXT4_LACKS_NOTHING)
                return explain_full(work, ext4, done, left, error);
        return r;
}

/* Adds an image with the identity of this chain, when all layers exist and nothing else changes. */
static int add_top(DiskWork *work, Error *error) {
        const Ext4Options options = options_of(work);

        return ext4_identify(&options, error);
}

static bool is_changed(const DiskWork *work) {
        return work->chain->n_complete < work->start->n_layers || work->start->n_id_ranges > 0 ||
               work->fds->fds[1] >= 0;
}

static int sync_images(const Chain *chain, Error *error) {
        int r = 0;

        for (uint32_t i = chain->n_complete; r >= 0 && i < chain->n; i++)
                if (chain->fds[i] >= 0)
                        r = sync_image(chain, i, error);
        return r;
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        _cleanup_(freep) StepRootfs *settings = NULL;
        _cleanup_(step_layers_freep) StepLayers *layers = NULL;
        _cleanup_(chain_done) Chain chain = { 0 };
        ProtoMessage message;
        const ProtoDiskStart *start = &message.disk_start;
        int r;

        r = step_receive(socket_fd, PROTO_DISK_START, &message, &fds, error);
        if (r < 0)
                return r;

        settings = calloc(1, sizeof(*settings));
        if (!settings)
                return error_oom(error);

        (void) fd_raise_limit();
        settings->limits = start->limits;
        r = step_rootfs_receive_maps(socket_fd, start->n_id_ranges, settings, error);
        if (r >= 0)
                r = chain_init(&chain, start->n_images, error);
        chain.no_sync = start->no_sync;
        chain.is_flat = start->is_flat;
        chain.is_raw = start->is_raw;
        if (r >= 0)
                r = receive_images(socket_fd, &chain, error);
        if (r >= 0)
                r = step_layers_new(socket_fd, start->n_layers, &layers, error);
        if (r >= 0)
                step_layers_skip(layers, chain.n_complete);
        settings->maps_later = true;
        settings->has_lower = chain.n_complete > 0;
        settings->unpacked = on_unpacked;
        settings->userdata = &chain;
        if (r >= 0 && start->sandbox != SANDBOX_NO)
                r = sandbox_leave_network(start->user, error);
        if (r >= 0 && !chain.is_raw)
                r = start_qemu(&chain, start, error);
        if (r >= 0 && start->sandbox != SANDBOX_NO)
                r = step_tell_open(
                        socket_fd,
                        sandbox_enter_disk((SandboxMode) start->sandbox, start->user, error),
                        error);
        if (r >= 0)
                r = use_complete_images(&chain, error);
        if (r >= 0) {
                DiskWork work = { socket_fd, start, &fds, &chain, layers, settings };

                r = is_changed(&work) ? write_chain(&work, error) : add_top(&work, error);
        }
        if (r < 0)
                return r;

        /* QEMU writes its cached metadata when it exits. */
        chain.device = ext4_device_free(chain.device);
        chain.qemu = qemu_free(chain.qemu);
        return sync_images(&chain, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
