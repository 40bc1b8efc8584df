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
#include "store-internal.h"
#include "store-lease.h"

#define BLOCK_BYTES 512u /* of st_blocks */

typedef struct Image {
        char id[STORE_DISK_ID_MAX];
        uint64_t bytes; /* that it takes */
        struct timespec used;
} Image;

typedef struct ImageList {
        Image *images; /* owned */
        size_t n;
} ImageList;

static void image_list_done(ImageList *list) {
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
        Image image = { 0 }, *bigger;
        struct stat st;

        if (!parse_name(name, image.id) ||
            fstatat(store->disks_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return 0;

        image.bytes = (uint64_t) st.st_blocks * BLOCK_BYTES;
        image.used = st.st_mtim;
        bigger = reallocarray(list->images, list->n + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;

        list->images = bigger;
        bigger[list->n++] = image;
        return 0;
}

static int list_images(Store *store, ImageList *ret) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(store->disks_fd, &dir);
        while (r >= 0 && (entry = readdir(dir)))
                r = add_image(store, entry->d_name, ret);
        return r;
}

static int compare_use(const void *a, const void *b) {
        const Image *x = a, *y = b;

        if (x->used.tv_sec != y->used.tv_sec)
                return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
        return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

/* Unless a job works with it; its key is left, and leads to nothing until it is used again. */
static bool remove_image(Store *store, const char *id) {
        _cleanup_(closep) int fd = -EBADF;
        char name[STORE_DISK_NAME_MAX];

        fd =
                openat(store->disks_fd, store_disk_name(id, name),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) >= 0 &&
               unlinkat(store->disks_fd, name, 0) >= 0;
}

/* Keys whose image is gone. */
static void remove_stale_keys(Store *store) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;

        if (dir_open(store->disk_keys_fd, &dir) < 0)
                return;

        while ((entry = readdir(dir))) {
                char id[STORE_DISK_ID_MAX + 1], name[STORE_DISK_NAME_MAX];
                ssize_t n = readlinkat(store->disk_keys_fd, entry->d_name, id, sizeof(id) - 1);

                if (n < 0)
                        continue;
                id[n] = '\0';
                if (!store_disk_is_id(id) || faccessat(
                                                     store->disks_fd, store_disk_name(id, name),
                                                     F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        (void) unlinkat(store->disk_keys_fd, entry->d_name, 0);
        }
}

int store_disk_prune(Store *store, uint64_t bytes, uint64_t *ret_freed, Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 };
        _cleanup_(leased_ids_done) LeasedIds leased = { 0 };
        uint64_t freed = 0;
        int r;

        r = list_images(store, &list);
        if (r >= 0)
                r = store_lease_read(store, &leased);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        if (list.n > 0)
                qsort(list.images, list.n, sizeof(*list.images), compare_use);
        for (size_t i = 0; i < list.n && freed < bytes; i++)
                if (!leased_ids_have(&leased, list.images[i].id) &&
                    remove_image(store, list.images[i].id))
                        freed += list.images[i].bytes;

        if (freed > 0)
                remove_stale_keys(store);
        *ret_freed = freed;
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
