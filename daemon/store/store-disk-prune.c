/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "store-disk.h"
#include "store-internal.h"
#include "store-lease.h"

#define BLOCK_BYTES 512u /* of st_blocks */
#define ROOM_MIN    ((size_t) 64)

typedef struct Image {
        char id[STORE_DISK_ID_MAX];
        uint64_t bytes; /* that it takes */
        struct timespec used;
        bool has_key; /* somebody may find it */
        int fd;       /* owned; locked: no job has it, and none gets it. -EBADF: one has */
} Image;

typedef struct ImageList {
        Image *images; /* owned */
        size_t n, room;
} ImageList;

static void image_list_done(ImageList *list) {
        for (size_t i = 0; i < list->n; i++)
                closep(&list->images[i].fd);
        free(list->images);
}

static bool parse_name(const char *name, char ret[static STORE_DISK_ID_MAX]) {
        char again[STORE_DISK_NAME_MAX];

        if (strlen(name) >= sizeof(again))
                return false;

        (void) stpncpy(ret, name, STORE_DISK_ID_MAX - 1);
        ret[STORE_DISK_ID_MAX - 1] = '\0';
        return store_disk_is_id(ret) && strcmp(store_disk_name(ret, again), name) == 0;
}

static int add_image(Store *store, const char *name, ImageList *list) {
        Image image = { .fd = -EBADF };
        struct stat st;

        if (!parse_name(name, image.id) ||
            fstatat(store->disks_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return 0;

        image.bytes = (uint64_t) st.st_blocks * BLOCK_BYTES;
        image.used = st.st_mtim;
        if (list->n == list->room) {
                const size_t room = list->room > 0 ? 2 * list->room : ROOM_MIN;
                Image *bigger = reallocarray(list->images, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                list->images = bigger;
                list->room = room;
        }

        list->images[list->n++] = image;
        return 0;
}

/* The id that a key leads to; whether it is one. */
static bool read_key(const Store *store, const char *name, char ret[static STORE_DISK_ID_MAX]) {
        char id[STORE_DISK_ID_MAX + 1];
        const ssize_t n = readlinkat(store->disk_keys_fd, name, id, sizeof(id) - 1);

        if (n < 0)
                return false;
        id[n] = '\0';
        if (!store_disk_is_id(id))
                return false;
        strcpy(ret, id);
        return true;
}

static int read_keys(Store *store, DiskIds *ret) {
        _cleanup_(closedirp) DIR *dir = NULL;
        char id[STORE_DISK_ID_MAX];
        struct dirent *entry;
        int r;

        r = dir_open(store->disk_keys_fd, &dir);
        while (r >= 0 && (entry = readdir(dir)))
                if (read_key(store, entry->d_name, id))
                        r = disk_ids_add(ret, id);
        disk_ids_sort(ret);
        return r;
}

static int list_images(Store *store, ImageList *ret) {
        _cleanup_(disk_ids_done) DiskIds keys = { 0 };
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(store->disks_fd, &dir);
        while (r >= 0 && (entry = readdir(dir)))
                r = add_image(store, entry->d_name, ret);
        if (r >= 0)
                r = read_keys(store, &keys);
        for (size_t i = 0; r >= 0 && i < ret->n; i++)
                ret->images[i].has_key = disk_ids_have(&keys, ret->images[i].id);
        return r;
}

/* Those that nobody can find come first. */
static int compare_use(const void *a, const void *b) {
        const Image *x = a, *y = b;

        if (x->has_key != y->has_key)
                return x->has_key ? 1 : -1;
        if (x->used.tv_sec != y->used.tv_sec)
                return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
        return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static void lock_image(Store *store, Image *image) {
        _cleanup_(closep) int fd = -EBADF;
        char name[STORE_DISK_NAME_MAX];

        fd =
                openat(store->disks_fd, store_disk_name(image->id, name),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) >= 0)
                image->fd = TAKE_FD(fd);
}

/* A key is left, and leads to nothing until it is used again. */
static bool remove_image(Store *store, const Image *image) {
        char name[STORE_DISK_NAME_MAX];

        return unlinkat(store->disks_fd, store_disk_name(image->id, name), 0) >= 0;
}

/* Keys whose image is gone. */
static void remove_stale_keys(Store *store) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;

        if (dir_open(store->disk_keys_fd, &dir) < 0)
                return;

        while ((entry = readdir(dir))) {
                char id[STORE_DISK_ID_MAX], name[STORE_DISK_NAME_MAX];

                if (read_key(store, entry->d_name, id) &&
                    faccessat(
                            store->disks_fd, store_disk_name(id, name), F_OK, AT_SYMLINK_NOFOLLOW) <
                            0)
                        (void) unlinkat(store->disk_keys_fd, entry->d_name, 0);
        }
}

/*
 * What is neither with a job nor needed by a chain. Who makes a chain notes that before it lets go of its
 * images: read after they were locked, the leases are all there is to know.
 */
static int find_free_images(
        Store *store,
        ImageList *list,
        int (*read_leases)(Store *store, DiskIds *ret),
        ImageList *ret) {
        _cleanup_(disk_ids_done) DiskIds leased = { 0 };
        int r;

        for (size_t i = 0; i < list->n; i++)
                lock_image(store, &list->images[i]);
        r = read_leases(store, &leased);
        if (r < 0)
                return r;

        ret->images = calloc(list->n + 1, sizeof(*ret->images));
        if (!ret->images)
                return -ENOMEM;
        for (size_t i = 0; i < list->n; i++) {
                Image *image = &list->images[i];

                if (image->fd < 0 || disk_ids_have(&leased, image->id))
                        continue;
                ret->images[ret->n++] = *image;
                image->fd = -EBADF;
        }
        return 0;
}

int store_disk_prune(
        Store *store,
        uint64_t keep,
        uint64_t others,
        uint64_t *ret_freed,
        uint64_t *ret_left,
        Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 }, unused = { 0 };
        uint64_t freed = 0, left = 0;
        int r;

        r = list_images(store, &list);
        if (r >= 0)
                r = find_free_images(store, &list, store_lease_read_alive, &unused);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        if (unused.n > 0)
                qsort(unused.images, unused.n, sizeof(*unused.images), compare_use);
        for (size_t i = 0; i < unused.n; i++)
                left += unused.images[i].bytes;
        for (size_t i = 0; i < unused.n && left + others > keep; i++)
                if (remove_image(store, &unused.images[i])) {
                        freed += unused.images[i].bytes;
                        left -= unused.images[i].bytes;
                }

        if (freed > 0)
                remove_stale_keys(store);
        *ret_freed = freed;
        *ret_left = left;
        return 0;
}

/* An image that nobody can find, and that no chain has, was not completed, or its chain is gone. */
static void keep_without_key(ImageList *list) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                if (!list->images[i].has_key)
                        list->images[n++] = list->images[i];
        list->n = n;
}

int store_disk_recover(Store *store, unsigned *ret, Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 }, unused = { 0 };
        unsigned n = 0;
        int r;

        r = list_images(store, &list);
        keep_without_key(&list);
        if (r >= 0 && list.n > 0)
                r = find_free_images(store, &list, store_lease_read, &unused);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        for (size_t i = 0; i < unused.n; i++)
                n += remove_image(store, &unused.images[i]);
        *ret = n;
        return 0;
}

int store_disk_size(Store *store, uint64_t *ret, Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 };
        uint64_t size = 0;
        int r;

        r = list_images(store, &list);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        for (size_t i = 0; i < list.n; i++)
                size += list.images[i].bytes;
        *ret = size;
        return 0;
}
