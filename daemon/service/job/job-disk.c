/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-disk.h"
#include "job-qcow2.h"
#include "job-raw.h"
#include "job-writers.h"
#include "store-disk.h"

#define NAME_SIZE sizeof("layer-4294967295.qcow2")

struct JobDisk {
        Store *store;     /* borrowed */
        int root_fd;      /* borrowed */
        const char *path; /* borrowed */
        ProtoUser user;
        uint64_t size; /* of the disk, bytes */
        bool overwrites, shares_layers, no_sync;
        bool is_flat, is_raw; /* the only image is @root_fd itself; it has no format */
        Digest *layers;       /* owned; of @n_layers blobs, when layers are shared; else NULL */
        uint32_t n_layers;
        uint32_t n_images;
        StoreDisk *shared; /* owned; one a layer when layers are shared, else NULL */
        uint32_t n_shared; /* number of existing ones */
        uint32_t n_complete;
        uint32_t n_closed;    /* the lowest ones that are complete and closed for writing */
        uint32_t n_published; /* the lowest ones that others may already use */
        bool is_slower;       /* others have published the image above @n_published meanwhile */
        int *own;             /* owned; those that are not shared, @n_images - @n_shared */
        uint32_t n_own;       /* number of existing ones */
        char lease[STORE_DISK_ID_MAX]; /* the chain's; empty: none */
        bool knows_writers; /* for the images that are not shared: their file system supports this */
        bool is_kept;
};

static char *image_name(uint32_t index, char ret[static NAME_SIZE]) {
        (void) snprintf(ret, NAME_SIZE, "layer-%u.qcow2", index);
        return ret;
}

/* An existing image may have other links elsewhere, and the old chain may be longer. */
static int remove_old(const JobDisk *disk, Error *error) {
        char name[NAME_SIZE];

        for (uint32_t i = 0; i < PROTO_IMAGES_MAX; i++)
                if (unlinkat(disk->root_fd, image_name(i, name), 0) < 0 && errno != ENOENT)
                        return error_set_errno(error, errno, "Cannot remove the old %s", name);

        return 0;
}

static StoreDiskKey key_of(const JobDisk *disk, uint32_t layer) {
        StoreDiskKey key = {
                .size = disk->size,
                .layer = disk->layers[layer],
                .no_sync = disk->no_sync,
        };

        if (layer > 0)
                strcpy(key.parent, disk->shared[layer - 1].id);
        return key;
}

/* Existing ones first: above a missing one, none can exist. */
static int open_shared(JobDisk *disk, Error *error) {
        disk->shared = calloc(disk->n_layers, sizeof(*disk->shared));
        if (!disk->shared)
                return error_oom(error);

        while (disk->n_shared < disk->n_layers) {
                const StoreDiskKey key = key_of(disk, disk->n_shared);
                StoreDisk *image = &disk->shared[disk->n_shared];
                int r = 0;

                *image = STORE_DISK_NULL;
                if (disk->n_complete == disk->n_shared)
                        r = store_disk_find(disk->store, &key, image, error);
                if (r > 0)
                        disk->n_published = disk->n_closed = ++disk->n_complete;
                if (r == 0)
                        r = store_disk_create(disk->store, image, error);
                if (r < 0)
                        return r;
                disk->n_shared++;
        }

        return 0;
}

/* An image contains the path of the one below it in the store, in UTF-8 and with a limited length. */
static int check_store_path(const Store *store, Error *error) {
        _cleanup_(freep) char *path = store_disk_path(store, "00000000000000000000000000000000");
        ProtoDiskImage image;

        if (!path)
                return error_oom(error);
        if (proto_text_set(image.backing, sizeof(image.backing), path) &&
            strcmp(image.backing, path) == 0)
                return 0;

        return error_set(
                error, ENAMETOOLONG, ERROR_FAILED,
                "Layers cannot be shared: the path of the cache is too long for a disk image, or is "
                "not UTF-8");
}

/* Shared images must not change. */
static int check_store(const JobDisk *disk, Error *error) {
        StoreDisk file = STORE_DISK_NULL;
        bool knows_writers;
        int r;

        r = store_disk_probe(disk->store, &file, error);
        if (r < 0)
                return r;

        knows_writers = job_writers_are_known(file.fd);
        closep(&file.fd);
        store_disk_discard(disk->store, &file);
        if (knows_writers)
                return 0;
        return error_set(
                error, EOPNOTSUPP, ERROR_FAILED,
                "Layers cannot be shared: the file system of the cache does not support "
                "leases (F_SETLEASE), which show whether anybody can still write to a disk image");
}

/* With the name of an image that does not exist yet. */
static int probe_directory(JobDisk *disk, Error *error) {
        char name[NAME_SIZE];
        int fd;

        fd =
                openat(disk->root_fd, image_name(disk->n_shared, name),
                       O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot create %s", name);

        disk->knows_writers = job_writers_are_known(fd);
        (void) close(fd);
        return unlinkat(disk->root_fd, name, 0) < 0
                       ? error_set_errno(error, errno, "Cannot remove %s", name)
                       : 0;
}

static int create_own(JobDisk *disk, Error *error) {
        const uint32_t n = disk->n_images - disk->n_shared;
        char name[NAME_SIZE];

        disk->own = calloc(n, sizeof(*disk->own));
        if (!disk->own)
                return error_oom(error);

        for (; disk->n_own < n; disk->n_own++) {
                const int fd =
                        openat(disk->root_fd, image_name(disk->n_shared + disk->n_own, name),
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

                if (fd < 0)
                        return error_set_errno(error, errno, "Cannot create %s", name);
                disk->own[disk->n_own] = fd;
        }

        return 0;
}

/* Nobody else can have it open yet. */
static int open_flat(JobDisk *disk, Error *error) {
        char path[FD_PATH_MAX];

        disk->own = malloc(sizeof(*disk->own));
        if (!disk->own)
                return error_oom(error);

        disk->knows_writers = job_writers_are_known(disk->root_fd);
        disk->own[0] = open(fd_path(disk->root_fd, path), O_RDWR | O_CLOEXEC);
        if (disk->own[0] < 0)
                return error_set_errno(error, errno, "Cannot open the new disk image");
        disk->n_own = 1;
        if (disk->is_raw && ftruncate(disk->own[0], (off_t) disk->size) < 0)
                return error_set_errno(
                        error, errno, "Cannot make a file of %" PRIu64 " MiB", disk->size >> 20);
        return 0;
}

static int copy_layers(JobDisk *disk, const JobImage *image, Error *error) {
        disk->layers = calloc(disk->n_layers, sizeof(*disk->layers));
        if (!disk->layers)
                return error_oom(error);

        for (uint32_t i = 0; i < disk->n_layers; i++)
                disk->layers[i] = image->layers[i].digest;
        return check_store_path(disk->store, error);
}

int job_disk_new(const JobDiskRequest *request, JobDisk **ret, Error *error) {
        const JobSpec *spec = request->spec;
        const bool has_top = job_spec_changes_tree(spec) || spec->share_layers;
        _cleanup_(job_disk_freep) JobDisk *disk = NULL;
        int r;

        disk = malloc(sizeof(*disk));
        if (!disk)
                return error_oom(error);

        *disk = (JobDisk){
                .store = request->store,
                .root_fd = request->root_fd,
                .path = request->path,
                .user = request->user,
                .size = job_spec_disk_size(spec),
                .overwrites = spec->overwrite,
                .shares_layers = spec->share_layers,
                .no_sync = spec->no_sync,
                .is_flat = job_spec_is_file(spec),
                .is_raw = spec->format == JOB_FORMAT_RAW,
                .n_layers = request->image ? request->image->n_layers : 1,
        };
        disk->n_images = disk->is_flat ? 1 : disk->n_layers + has_top;
        if (disk->shares_layers) {
                /* Only images share layers, and only in a chain (bus-arguments.c). */
                assert(request->image && !disk->is_flat);
                r = copy_layers(disk, request->image, error);
                if (r < 0)
                        return r;
        }
        if (disk->n_images > DISK_IMAGES_MAX)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "%s has %u layers; a chain of disk images can have at most %u",
                        spec->source, disk->n_layers, DISK_IMAGES_MAX - has_top);

        *ret = TAKE_PTR(disk);
        return 0;
}

JobDisk *job_disk_free(JobDisk *disk) {
        if (!disk)
                return NULL;

        if (!disk->is_kept && disk->lease[0] != '\0')
                store_disk_release(disk->store, disk->lease);
        for (uint32_t i = 0; i < disk->n_shared; i++) {
                if (!disk->is_kept && i >= disk->n_published)
                        store_disk_discard(disk->store, &disk->shared[i]);
                closep(&disk->shared[i].fd);
        }
        for (uint32_t i = 0; i < disk->n_own; i++)
                closep(&disk->own[i]);
        free(disk->own);
        free(disk->shared);
        free(disk->layers);
        free(disk);
        return NULL;
}

uint32_t job_disk_n_images(const JobDisk *disk) {
        return disk->n_images;
}

uint32_t job_disk_n_complete(const JobDisk *disk) {
        return disk->n_complete;
}

char *job_disk_path(const JobDisk *disk) {
        char name[NAME_SIZE], *path;

        if (disk->is_flat)
                return strdup(disk->path);
        if (asprintf(&path, "%s/%s", disk->path, image_name(disk->n_images - 1, name)) < 0)
                return NULL;
        return path;
}

static int take_back(int fd, mode_t mode, const char *name, Error *error) {
        if ((geteuid() == 0 && fchown(fd, 0, 0) < 0) || fchmod(fd, mode) < 0)
                return error_set_errno(error, errno, "Cannot complete %s", name);
        return 0;
}

/* The path in image @index of the one below it. */
static int set_backing(const JobDisk *disk, uint32_t index, ProtoDiskImage *image, Error *error) {
        char file[STORE_DISK_NAME_MAX], name[NAME_SIZE];
        _cleanup_(freep) char *path = NULL;
        const char *text = "";

        if (index > 0 && index < disk->n_shared)
                text = store_disk_name(disk->shared[index - 1].id, file);
        else if (index > 0 && disk->n_shared > 0)
                text = path = store_disk_path(disk->store, disk->shared[index - 1].id);
        else if (index > 0)
                text = image_name(index - 1, name);
        if (!text)
                return error_oom(error);

        if (!proto_text_set(image->backing, sizeof(image->backing), text))
                return error_set(
                        error, ENAMETOOLONG, ERROR_FAILED,
                        "The path %s is too long for a disk image", text);
        return 0;
}

static bool is_shared(const JobDisk *disk, uint32_t index) {
        return index < disk->n_shared;
}

/* The descriptor of an image. */
static int *image_fd(const JobDisk *disk, uint32_t index) {
        return is_shared(disk, index) ? &disk->shared[index].fd
                                      : &disk->own[index - disk->n_shared];
}

static const char *image_file(
        const JobDisk *disk, uint32_t index, char ret[static STORE_DISK_NAME_MAX]) {
        if (disk->is_flat)
                return "the disk image";
        return is_shared(disk, index) ? store_disk_name(disk->shared[index].id, ret)
                                      : image_name(index, ret);
}

static int give_to_worker(JobDisk *disk, uint32_t index, Error *error) {
        char file[STORE_DISK_NAME_MAX];

        if (disk->user.uid != 0 &&
            fchown(*image_fd(disk, index), disk->user.uid, disk->user.gid) < 0)
                return error_set_errno(
                        error, errno, "Cannot change the owner of %s",
                        image_file(disk, index, file));
        return 0;
}

int job_disk_make(JobDisk *disk, Error *error) {
        int r = 0;

        if (disk->is_flat) {
                r = open_flat(disk, error);
                return r < 0 ? r : give_to_worker(disk, 0, error);
        }

        if (disk->overwrites)
                r = remove_old(disk, error);
        if (r >= 0 && disk->shares_layers)
                r = check_store(disk, error);
        if (r >= 0 && disk->shares_layers)
                r = open_shared(disk, error);
        if (r >= 0 && disk->n_images > disk->n_shared)
                r = probe_directory(disk, error);
        if (r >= 0)
                r = create_own(disk, error);
        for (uint32_t i = disk->n_complete; r >= 0 && i < disk->n_images; i++)
                r = give_to_worker(disk, i, error);
        return r;
}

int job_disk_send(const JobDisk *disk, JobProcess *process, Error *error) {
        for (uint32_t i = 0; i < disk->n_images; i++) {
                ProtoMessage message = {
                        .type = PROTO_DISK_IMAGE,
                        .disk_image = { .index = i, .is_complete = i < disk->n_complete },
                };
                int r;

                r = set_backing(disk, i, &message.disk_image, error);
                if (r < 0)
                        return r;
                job_process_send(process, &message, image_fd(disk, i), 1);
        }

        return 0;
}

static int open_flat_again(const JobDisk *disk, int *ret, Error *error) {
        char path[FD_PATH_MAX];
        const int fd = open(fd_path(disk->root_fd, path), O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the disk image");
        *ret = fd;
        return 0;
}

static int open_again(JobDisk *disk, uint32_t index, int *ret, Error *error) {
        char file[STORE_DISK_NAME_MAX];
        struct stat before, now;
        int fd = -EBADF;

        if (is_shared(disk, index))
                return store_disk_open(disk->store, &disk->shared[index], ret, error);
        if (disk->is_flat)
                return open_flat_again(disk, ret, error);

        fd =
                openat(disk->root_fd, image_file(disk, index, file),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %s", file);
        if (fstat(*image_fd(disk, index), &before) < 0 || fstat(fd, &now) < 0 ||
            before.st_dev != now.st_dev || before.st_ino != now.st_ino) {
                (void) close(fd);
                return error_set(
                        error, ESTALE, ERROR_DESTINATION_BUSY,
                        "Somebody has replaced %s while it was being made", file);
        }

        *ret = fd;
        return 0;
}

/* If writers of a private chain's images are unknown, the end of the worker must suffice. */
static int check_writers(const JobDisk *disk, uint32_t index, const char *file, Error *error) {
        int r;

        if (!is_shared(disk, index) && !disk->knows_writers)
                return 0;

        r = job_writers_wait(*image_fd(disk, index));
        if (r == -EAGAIN)
                return error_set(
                        error, EBUSY, ERROR_WORKER_FAILED, "The disk worker can still write to %s",
                        file);
        return r < 0 ? error_set_errno(
                               error, -r, "Cannot determine whether anybody can still write to %s",
                               file)
                     : 0;
}

static int check_header(const JobDisk *disk, uint32_t index, int fd, Error *error) {
        _cleanup_(freep) uint8_t *head = malloc(JOB_QCOW2_HEAD_MAX);
        ProtoDiskImage image = { .backing = "" };
        const JobQcow2 want = {
                .size = disk->size,
                .backing = image.backing,
        };
        ssize_t n;
        int r;

        if (!head)
                return error_oom(error);
        r = set_backing(disk, index, &image, error);
        if (r < 0)
                return r;

        n = pread(fd, head, JOB_QCOW2_HEAD_MAX, 0);
        if (n < 0)
                return error_set_errno(error, errno, "Cannot read a disk image");
        return job_qcow2_check(head, (size_t) n, &want, error);
}

static int check_raw(const JobDisk *disk, int fd, Error *error) {
        uint8_t head[JOB_RAW_HEAD_BYTES];
        struct stat st;
        ssize_t n;

        n = fd_pread_full(fd, head, sizeof(head), 0);
        if (n < 0 || fstat(fd, &st) < 0)
                return error_set_errno(error, n < 0 ? (int) -n : errno, "Cannot read a disk image");
        return job_raw_check(head, (size_t) n, (uint64_t) st.st_size, disk->size, error);
}

/* From here on it is in its final state. */
static int take_over(JobDisk *disk, uint32_t index, Error *error) {
        int *kept = image_fd(disk, index), r;
        _cleanup_(closep) int fd = -EBADF;
        char file[STORE_DISK_NAME_MAX];
        const char *name;

        name = image_file(disk, index, file);
        r = take_back(*kept, is_shared(disk, index) ? 0444 : 0600, name, error);
        if (r >= 0)
                r = open_again(disk, index, &fd, error);
        if (r < 0)
                return r;

        (void) close(*kept);
        *kept = TAKE_FD(fd);
        r = check_writers(disk, index, name, error);
        if (r >= 0)
                r = disk->is_raw ? check_raw(disk, *kept, error)
                                 : check_header(disk, index, *kept, error);
        return r < 0 && !disk->is_flat ? error_prefix(error, "%s", name) : r;
}

/* Before any of its images can be found, so that nobody can ever remove what the chain needs. */
static int lease(JobDisk *disk, Error *error) {
        _cleanup_(freep) char *path = NULL;
        char name[NAME_SIZE];

        if (disk->lease[0] != '\0')
                return 0;
        if (asprintf(&path, "%s/%s", disk->path, image_name(disk->n_layers, name)) < 0) {
                path = NULL;
                return error_oom(error);
        }

        return store_disk_lease(
                disk->store,
                &(StoreDiskChain){
                        .path = path,
                        .top_fd = disk->own[0],
                        .disks = disk->shared,
                        .n_disks = disk->n_shared,
                        .no_sync = disk->no_sync,
                },
                disk->lease, error);
}

/* Once another chain was faster, nobody can find the images above that. */
static int publish(JobDisk *disk, uint32_t index, Error *error) {
        const StoreDiskKey key = key_of(disk, index);
        int r;

        if (disk->is_slower)
                return 0;

        r = store_disk_publish(disk->store, &key, &disk->shared[index], error);
        if (r > 0)
                disk->n_published = index + 1;
        disk->is_slower = r == 0;
        return r < 0 ? r : 0;
}

JobDiskTurn job_disk_turn(const JobDisk *disk) {
        return (JobDiskTurn){ .n_shared = disk->n_shared, .n_closed = disk->n_closed };
}

bool job_disk_turn_has(const JobDiskTurn *turn, uint32_t index) {
        return turn->n_shared == 0 || index <= turn->n_closed;
}

int job_disk_turn_end(JobDiskTurn *turn, uint32_t index, Error *error) {
        if (index >= turn->n_shared || index != turn->n_closed || turn->is_closing)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The disk worker reports the image of layer %u out of turn", index);

        turn->is_closing = true;
        return 0;
}

void job_disk_turn_next(JobDiskTurn *turn) {
        turn->is_closing = false;
        turn->n_closed++;
}

int job_disk_close_layer(JobDisk *disk, Error *error) {
        int r;

        assert(disk->n_closed < disk->n_shared);
        r = lease(disk, error);
        if (r >= 0)
                r = take_over(disk, disk->n_closed, error);
        if (r >= 0)
                r = publish(disk, disk->n_closed, error);
        if (r < 0)
                return r;

        disk->n_closed++;
        return 0;
}

int job_disk_finish(JobDisk *disk, Error *error) {
        int r = 0;

        if (disk->n_closed != disk->n_shared)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The disk worker has made %u of %u images", disk->n_closed, disk->n_shared);

        if (disk->n_shared > 0)
                r = lease(disk, error);
        for (uint32_t i = disk->n_shared; r >= 0 && i < disk->n_images; i++)
                r = take_over(disk, i, error);
        return r;
}

void job_disk_keep(JobDisk *disk) {
        disk->is_kept = true;
}
