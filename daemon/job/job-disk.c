/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job-disk.h"
#include "store-disk.h"

#define NAME_SIZE sizeof("layer-4294967295.qcow2")

struct Disk {
        DiskRequest request; /* all borrowed */
        uint32_t n_layers;
        uint32_t n_images;
        StoreDisk *shared; /* owned; one a layer when layers are shared, else NULL */
        uint32_t n_shared; /* so many of them are there */
        uint32_t n_complete;
        uint32_t n_published;          /* the lowest ones, which others may use by now */
        char lease[STORE_DISK_ID_MAX]; /* the chain's; empty: none */
        User *user; /* owned reference; whose the images are while they are being made, or NULL */
        bool is_kept;
};

static char *image_name(uint32_t index, char ret[static NAME_SIZE]) {
        (void) snprintf(ret, NAME_SIZE, "layer-%u.qcow2", index);
        return ret;
}

/* What is there may have other names elsewhere, and may be a longer chain. */
static int remove_old(const Disk *disk, Error *error) {
        char name[NAME_SIZE];

        for (uint32_t i = 0; i < PROTO_IMAGES_MAX; i++)
                if (unlinkat(disk->request.root_fd, image_name(i, name), 0) < 0 && errno != ENOENT)
                        return error_set_errno(error, errno, "Cannot remove the old %s", name);

        return 0;
}

static StoreDiskKey key_of(const Disk *disk, uint32_t layer) {
        StoreDiskKey key = {
                .size = job_spec_disk_size(disk->request.spec),
                .layer = fetch_layer(disk->request.fetch, layer)->digest,
        };

        if (layer > 0)
                strcpy(key.parent, disk->shared[layer - 1].id);
        return key;
}

/* Those that are there first: once one is missing, nothing above it can be. */
static int open_shared(Disk *disk, Error *error) {
        disk->shared = calloc(disk->n_layers, sizeof(*disk->shared));
        if (!disk->shared)
                return error_oom(error);

        while (disk->n_shared < disk->n_layers) {
                const StoreDiskKey key = key_of(disk, disk->n_shared);
                StoreDisk *image = &disk->shared[disk->n_shared];
                int r = 0;

                *image = STORE_DISK_NULL;
                if (disk->n_complete == disk->n_shared)
                        r = store_disk_find(disk->request.store, &key, image, error);
                if (r > 0)
                        disk->n_published = ++disk->n_complete;
                if (r == 0)
                        r = store_disk_create(disk->request.store, image, error);
                if (r < 0)
                        return r;
                disk->n_shared++;
        }

        return 0;
}

/* An image names the one below it in the store, in UTF-8 and not for long. */
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

int disk_new(const DiskRequest *request, Disk **ret, Error *error) {
        const bool has_top = job_spec_changes_tree(request->spec) || request->spec->share_layers;
        _cleanup_(disk_freep) Disk *disk = NULL;
        int r = 0;

        disk = malloc(sizeof(*disk));
        if (!disk)
                return error_oom(error);

        *disk = (Disk){
                .request = *request,
                .n_layers = request->fetch ? fetch_image(request->fetch)->n_layers : 1,
        };
        disk->n_images = disk->n_layers + has_top;
        if (request->spec->share_layers) {
                r = check_store_path(request->store, error);
                if (r < 0)
                        return r;
        }
        if (disk->n_images > DISK_IMAGES_MAX)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "%s has %u layers: a chain of disk images may have %u",
                        request->spec->source, disk->n_layers, DISK_IMAGES_MAX - has_top);

        if (request->spec->overwrite)
                r = remove_old(disk, error);
        if (r >= 0 && request->spec->share_layers)
                r = open_shared(disk, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(disk);
        return 0;
}

Disk *disk_free(Disk *disk) {
        if (!disk)
                return NULL;

        if (!disk->is_kept && disk->lease[0] != '\0')
                store_disk_release(disk->request.store, disk->lease);
        for (uint32_t i = 0; i < disk->n_shared; i++) {
                if (!disk->is_kept && i >= disk->n_published)
                        store_disk_discard(disk->request.store, &disk->shared[i]);
                closep(&disk->shared[i].fd);
        }
        free(disk->shared);
        user_unref(disk->user);
        free(disk);
        return NULL;
}

uint32_t disk_n_images(const Disk *disk) {
        return disk->n_images;
}

uint32_t disk_n_complete(const Disk *disk) {
        return disk->n_complete;
}

static int give_to_worker(const Disk *disk, int fd, const char *name, Error *error) {
        const ProtoUser user = user_id(disk->user);

        if (disk->user && fchown(fd, user.uid, user.gid) < 0)
                return error_set_errno(error, errno, "Cannot change the owner of %s", name);
        return 0;
}

static int take_back(int fd, mode_t mode, const char *name, Error *error) {
        if ((geteuid() == 0 && fchown(fd, 0, 0) < 0) || fchmod(fd, mode) < 0)
                return error_set_errno(error, errno, "Cannot finish %s", name);
        return 0;
}

static int create(const Disk *disk, uint32_t index, int *ret_fd, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        char name[NAME_SIZE];
        int r;

        fd =
                openat(disk->request.root_fd, image_name(index, name),
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot create %s", name);

        r = give_to_worker(disk, fd, name, error);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* What image @index says of where the one below it is. */
static int set_backing(const Disk *disk, uint32_t index, ProtoDiskImage *image, Error *error) {
        char file[STORE_DISK_NAME_MAX], name[NAME_SIZE];
        _cleanup_(freep) char *path = NULL;
        const char *text = "";

        if (index > 0 && index < disk->n_shared)
                text = store_disk_name(disk->shared[index - 1].id, file);
        else if (index > 0 && disk->n_shared > 0)
                text = path = store_disk_path(disk->request.store, disk->shared[index - 1].id);
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

static int send_image(const Disk *disk, uint32_t index, Process *process, Error *error) {
        ProtoMessage message = { .type = PROTO_DISK_IMAGE, .disk_image.index = index };
        _cleanup_(closep) int own_fd = -EBADF;
        int fd, r = 0;

        if (index < disk->n_shared) {
                fd = disk->shared[index].fd;
                message.disk_image.is_complete = index < disk->n_complete;
                if (index >= disk->n_complete)
                        r = give_to_worker(disk, fd, disk->shared[index].id, error);
        } else {
                r = create(disk, index, &own_fd, error);
                fd = own_fd;
        }
        if (r >= 0)
                r = set_backing(disk, index, &message.disk_image, error);
        if (r < 0)
                return r;

        process_send(process, &message, &fd, 1);
        return 0;
}

int disk_send(Disk *disk, Process *process, Error *error) {
        int r = 0;

        /* Until the images are root's again, or gone, nobody else may be that user. */
        user_unref(disk->user);
        disk->user = user_ref(process_user(process));
        for (uint32_t i = 0; r >= 0 && i < disk->n_images; i++)
                r = send_image(disk, i, process, error);
        return r;
}

/* The hash of a password is for its owner only. */
static mode_t final_mode(const Disk *disk, uint32_t index) {
        const JobSpec *spec = disk->request.spec;
        const bool is_in_all = spec->source_kind == JOB_SOURCE_TEMPLATE;

        return spec->root_password_fd >= 0 && (is_in_all || index == disk->n_images - 1) ? 0600
                                                                                         : 0644;
}

static int finish_image(const Disk *disk, uint32_t index, int *ret_fd, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        char name[NAME_SIZE];
        int r;

        fd =
                openat(disk->request.root_fd, image_name(index, name),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %s", name);

        r = take_back(fd, final_mode(disk, index), name, error);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The lease comes first: nobody may remove what the chain needs, not even for a moment. */
static int publish(Disk *disk, int top_fd, Error *error) {
        _cleanup_(freep) char *path = NULL;
        char name[NAME_SIZE];
        int r;

        if (asprintf(&path, "%s/%s", disk->request.path, image_name(disk->n_layers, name)) < 0) {
                path = NULL;
                return error_oom(error);
        }

        r = store_disk_lease(
                disk->request.store, path, top_fd, disk->shared, disk->n_shared, disk->lease,
                error);
        for (uint32_t i = disk->n_complete; r >= 0 && i < disk->n_shared; i++)
                r = take_back(disk->shared[i].fd, 0444, disk->shared[i].id, error);
        if (r < 0)
                return r;

        /* Once somebody else was faster, nobody can find what is above that any more. */
        r = 1;
        while (r > 0 && disk->n_published < disk->n_shared) {
                const uint32_t i = disk->n_published;
                const StoreDiskKey key = key_of(disk, i);

                r = store_disk_publish(disk->request.store, &key, &disk->shared[i], error);
                disk->n_published += r > 0;
        }
        return r;
}

int disk_finish(Disk *disk, Error *error) {
        int r = 0;

        for (uint32_t i = disk->n_shared; r >= 0 && i < disk->n_images; i++) {
                _cleanup_(closep) int fd = -EBADF;

                r = finish_image(disk, i, &fd, error);
                if (r >= 0 && disk->n_shared > 0)
                        r = publish(disk, fd, error);
        }
        return r < 0 ? r : 0;
}

void disk_keep(Disk *disk) {
        disk->is_kept = true;
}
