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
#define BATCH_MAX   ((size_t) 64) /* images locked at a time, each by a descriptor */

typedef struct Image {
        char id[STORE_DISK_ID_MAX];
        uint64_t bytes; /* that it takes */
        struct timespec used;
        bool has_key; /* somebody may find it */
} Image;

typedef struct DiskImageList {
        Image *images; /* owned */
        size_t n, room;
} DiskImageList;

static void image_list_done(DiskImageList *list) {
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

static int add_image(Store *store, const char *name, DiskImageList *list) {
        Image image = { 0 };
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

/* Reads the id that a key leads to; returns whether it is valid. */
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

static int read_keys(Store *store, StoreDiskIds *ret) {
        _cleanup_(closedirp) DIR *dir = NULL;
        char id[STORE_DISK_ID_MAX];
        struct dirent *entry;
        int r;

        r = dir_open(store->disk_keys_fd, &dir);
        while (r >= 0 && (entry = readdir(dir)))
                if (read_key(store, entry->d_name, id))
                        r = store_disk_ids_add(ret, id);
        store_disk_ids_sort(ret);
        return r;
}

static int list_images(Store *store, DiskImageList *ret) {
        _cleanup_(store_disk_ids_done) StoreDiskIds keys = { 0 };
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(store->disks_fd, &dir);
        while (r >= 0 && (entry = readdir(dir)))
                r = add_image(store, entry->d_name, ret);
        if (r >= 0)
                r = read_keys(store, &keys);
        for (size_t i = 0; r >= 0 && i < ret->n; i++)
                ret->images[i].has_key = store_disk_ids_have(&keys, ret->images[i].id);
        return r;
}

/* Images that nobody can find are first. */
static int compare_use(const void *a, const void *b) {
        const Image *x = a, *y = b;

        if (x->has_key != y->has_key)
                return x->has_key ? 1 : -1;
        if (x->used.tv_sec != y->used.tv_sec)
                return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
        return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

/* Returns a descriptor: while it is open, no job has the image or gets it. Negative: a job has it. */
static int lock_image(Store *store, const Image *image) {
        _cleanup_(closep) int fd = -EBADF;
        char name[STORE_DISK_NAME_MAX];

        fd =
                openat(store->disks_fd, store_disk_name(image->id, name),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) >= 0 ? TAKE_FD(fd) : -EBADF;
}

/* A stale key stays until it is used again. */
static bool remove_image(Store *store, const Image *image) {
        char name[STORE_DISK_NAME_MAX];

        return unlinkat(store->disks_fd, store_disk_name(image->id, name), 0) >= 0;
}

/* Keys whose image no longer exists, or may have been damaged when the system last ended. */
static void remove_stale_keys(Store *store) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;

        if (dir_open(store->disk_keys_fd, &dir) < 0)
                return;

        while ((entry = readdir(dir))) {
                char id[STORE_DISK_ID_MAX], name[STORE_DISK_NAME_MAX];

                if (read_key(store, entry->d_name, id) &&
                    (store_disk_key_is_stale(store, entry->d_name) ||
                     faccessat(
                             store->disks_fd, store_disk_name(id, name), F_OK,
                             AT_SYMLINK_NOFOLLOW) < 0))
                        (void) unlinkat(store->disk_keys_fd, entry->d_name, 0);
        }
}

/* Called for images that are free. */
typedef struct Visitor {
        int (*read_leases)(Store *store, StoreDiskIds *ret);
        void (*visit)(void *userdata, Store *store, const Image *image);
        void *userdata;
} Visitor;

/*
 * A chain's lease is recorded before its images are unlocked: if the leases are read after locking, they are
 * complete.
 */
static int visit_batch(Store *store, const Image *images, size_t n, const Visitor *visitor) {
        _cleanup_(store_disk_ids_done) StoreDiskIds leased = { 0 };
        int locks[BATCH_MAX], r;

        for (size_t i = 0; i < n; i++)
                locks[i] = lock_image(store, &images[i]);

        r = visitor->read_leases(store, &leased);
        for (size_t i = 0; i < n; i++) {
                if (r >= 0 && locks[i] >= 0 && !store_disk_ids_have(&leased, images[i].id))
                        visitor->visit(visitor->userdata, store, &images[i]);
                closep(&locks[i]);
        }
        return r;
}

/* Images of @list that neither a job nor a chain needs. */
static int visit_free_images(Store *store, const DiskImageList *list, const Visitor *visitor) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < list->n; i += BATCH_MAX) {
                const size_t left = list->n - i;

                r = visit_batch(
                        store, &list->images[i], left < BATCH_MAX ? left : BATCH_MAX, visitor);
        }
        return r;
}

typedef struct Pruning {
        uint64_t room; /* bytes that may stay */
        uint64_t left;
        uint64_t freed;
} Pruning;

static void count_image(void *userdata, Store *store, const Image *image) {
        Pruning *pruning = userdata;

        pruning->left += image->bytes;
}

static void prune_image(void *userdata, Store *store, const Image *image) {
        Pruning *pruning = userdata;

        if (pruning->left <= pruning->room || !remove_image(store, image))
                return;

        pruning->left -= image->bytes < pruning->left ? image->bytes : pruning->left;
        pruning->freed += image->bytes;
}

int store_disk_prune(
        Store *store,
        uint64_t keep,
        uint64_t others,
        uint64_t *ret_freed,
        uint64_t *ret_left,
        Error *error) {
        _cleanup_(image_list_done) DiskImageList list = { 0 };
        Pruning pruning = { .room = keep > others ? keep - others : 0 };
        Visitor visitor = { store_lease_read_alive, count_image, &pruning };
        int r;

        r = list_images(store, &list);
        if (r >= 0 && list.n > 0) {
                qsort(list.images, list.n, sizeof(*list.images), compare_use);
                r = visit_free_images(store, &list, &visitor);
        }
        if (r >= 0 && pruning.left > pruning.room) {
                visitor.visit = prune_image;
                r = visit_free_images(store, &list, &visitor);
        }
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        if (pruning.freed > 0)
                remove_stale_keys(store);
        *ret_freed = pruning.freed;
        *ret_left = pruning.left;
        return 0;
}

/* An image that nobody can find and no chain has was not completed, or its chain no longer exists. */
static void keep_without_key(DiskImageList *list) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                if (!list->images[i].has_key)
                        list->images[n++] = list->images[i];
        list->n = n;
}

static void recover_image(void *userdata, Store *store, const Image *image) {
        unsigned *n = userdata;

        *n += remove_image(store, image);
}

int store_disk_recover(Store *store, unsigned *ret, Error *error) {
        _cleanup_(image_list_done) DiskImageList list = { 0 };
        unsigned n = 0;
        const Visitor visitor = { store_lease_read, recover_image, &n };
        int r;

        remove_stale_keys(store);
        r = list_images(store, &list);
        keep_without_key(&list);
        if (r >= 0)
                r = visit_free_images(store, &list, &visitor);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        *ret = n;
        return 0;
}

int store_disk_size(Store *store, uint64_t *ret, Error *error) {
        _cleanup_(image_list_done) DiskImageList list = { 0 };
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
