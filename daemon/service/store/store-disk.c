/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "store-disk.h"
#include "store-internal.h"

#define SUFFIX       ".qcow2"
#define CREATE_TRIES 16u
#define KEY_MAX                                                                                    \
        (STORE_DISK_ID_MAX + sizeof("-18446744073709551615-") + STORE_NAME_MAX + STORE_BOOT_MAX)

char *store_disk_name(const char *id, char ret[static STORE_DISK_NAME_MAX]) {
        (void) stpcpy(stpcpy(ret, id), SUFFIX);
        return ret;
}

bool store_disk_is_id(const char *text) {
        return strlen(text) == STORE_DISK_ID_MAX - 1 &&
               strspn(text, "0123456789abcdef") == STORE_DISK_ID_MAX - 1;
}

int store_disk_new_id(char ret[static STORE_DISK_ID_MAX]) {
        uint64_t random[2];

        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                return -errno;

        (void) snprintf(ret, STORE_DISK_ID_MAX, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
        return 0;
}

char *store_disk_path(const Store *store, const char *id) {
        char name[STORE_DISK_NAME_MAX], *path;

        if (asprintf(&path, "%s/disks/%s", store->path, store_disk_name(id, name)) < 0)
                return NULL;
        return path;
}

/* Of an image that was synced. */
static char *key_name(const StoreDiskKey *key, char ret[static KEY_MAX]) {
        char layer[STORE_NAME_MAX];

        (void) snprintf(
                ret, KEY_MAX, "%s-%" PRIu64 "-%s", key->parent[0] != '\0' ? key->parent : "root",
                key->size, store_blob_name(&key->layer, layer));
        return ret;
}

/* Of one that was not. */
static char *boot_key_name(const Store *store, const StoreDiskKey *key, char ret[static KEY_MAX]) {
        const size_t length = strlen(key_name(key, ret));

        (void) snprintf(ret + length, KEY_MAX - length, ".%s", store->boot);
        return ret;
}

bool store_disk_key_is_stale(const Store *store, const char *name) {
        const char *dot = strchr(name, '.');

        return dot && dot > name && !store_is_this_boot(store, dot + 1);
}

/* The image that a key leads to; 0 if none. */
static int read_key(Store *store, const char *name, char ret[static STORE_DISK_ID_MAX]) {
        char id[STORE_DISK_ID_MAX + 1];
        ssize_t n;

        if (store_disk_key_is_stale(store, name))
                return 0;
        n = readlinkat(store->disk_keys_fd, name, id, sizeof(id) - 1);
        if (n < 0)
                return errno == ENOENT ? 0 : -errno;

        id[n] = '\0';
        if (!store_disk_is_id(id))
                return 0;

        strcpy(ret, id);
        return 1;
}

static int find_image(Store *store, const char *key, StoreDisk *ret, Error *error) {
        char id[STORE_DISK_ID_MAX], name[STORE_DISK_NAME_MAX];
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;
        int r;

        r = read_key(store, key, id);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot look for a disk image in the cache");
        if (r == 0)
                return 0;

        fd =
                openat(store->disks_fd, store_disk_name(id, name),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot open the cached disk image %s", name);

        /* Whoever removes it holds the lock; afterwards it has no name. */
        r = store_lock_shared(fd);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot lock the cached disk image %s", name);
        if (r == 0 || fstat(fd, &st) < 0 || st.st_nlink == 0 || !S_ISREG(st.st_mode))
                return 0;

        strcpy(ret->id, id);
        ret->fd = TAKE_FD(fd);
        return 1;
}

int store_disk_find(Store *store, const StoreDiskKey *key, StoreDisk *ret, Error *error) {
        char name[KEY_MAX];
        int r;

        r = find_image(store, key_name(key, name), ret, error);
        if (r == 0 && key->no_sync)
                r = find_image(store, boot_key_name(store, key, name), ret, error);
        return r;
}

/* Returns 0 if a cleanup removed it before it was locked. */
static int create_image(Store *store, StoreDisk *ret) {
        char id[STORE_DISK_ID_MAX], name[STORE_DISK_NAME_MAX];
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;
        int r;

        r = store_disk_new_id(id);
        if (r < 0)
                return r;

        fd =
                openat(store->disks_fd, store_disk_name(id, name),
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_SH | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_nlink == 0)
                return 0;

        strcpy(ret->id, id);
        ret->fd = TAKE_FD(fd);
        return 1;
}

int store_disk_create(Store *store, StoreDisk *ret, Error *error) {
        int r = 0;

        for (unsigned i = 0; r == 0 && i < CREATE_TRIES; i++)
                r = create_image(store, ret);
        if (r > 0)
                return 0;
        return error_set_errno(
                error, r < 0 ? -r : EBUSY, "Cannot create a disk image in the cache");
}

int store_disk_probe(const Store *store, StoreDisk *ret, Error *error) {
        StoreDisk disk = STORE_DISK_NULL;
        char name[STORE_DISK_NAME_MAX];
        int r;

        r = store_disk_new_id(disk.id);
        if (r >= 0) {
                disk.fd =
                        openat(store->disks_fd, store_disk_name(disk.id, name),
                               O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                r = disk.fd < 0 ? -errno : 0;
        }
        if (r < 0)
                return error_set_errno(error, -r, "Cannot create a file in the cache");

        *ret = disk;
        return 0;
}

int store_disk_open(const Store *store, const StoreDisk *disk, int *ret, Error *error) {
        char name[STORE_DISK_NAME_MAX];
        _cleanup_(closep) int fd = -EBADF;
        struct stat before, now;

        fd =
                openat(store->disks_fd, store_disk_name(disk->id, name),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0)
                return error_set_errno(error, errno, "Cannot open the disk image %s", name);
        if (fstat(disk->fd, &before) < 0 || fstat(fd, &now) < 0 || before.st_dev != now.st_dev ||
            before.st_ino != now.st_ino)
                return error_set(
                        error, ESTALE, ERROR_FAILED,
                        "Somebody has replaced the disk image %s in the cache", name);

        *ret = TAKE_FD(fd);
        return 0;
}

/* Whether a key leads to an image that is there. */
static bool leads_to_image(Store *store, const char *key) {
        char id[STORE_DISK_ID_MAX], file[STORE_DISK_NAME_MAX];
        struct stat st;

        return read_key(store, key, id) > 0 &&
               fstatat(store->disks_fd, store_disk_name(id, file), &st, 0) >= 0;
}

int store_disk_publish(Store *store, const StoreDiskKey *key, const StoreDisk *disk, Error *error) {
        char name[KEY_MAX];

        if (leads_to_image(store, key_name(key, name)))
                return 0;
        if (key->no_sync && (leads_to_image(store, boot_key_name(store, key, name)) ||
                             store_disk_key_is_stale(store, name)))
                return 0;
        /* Its image no longer exists. */
        (void) unlinkat(store->disk_keys_fd, name, 0);
        if (symlinkat(disk->id, store->disk_keys_fd, name) < 0)
                return errno == EEXIST
                               ? 0
                               : error_set_errno(
                                         error, errno, "Cannot record a disk image in the cache");
        return 1;
}

void store_disk_discard(Store *store, const StoreDisk *disk) {
        char name[STORE_DISK_NAME_MAX];

        (void) unlinkat(store->disks_fd, store_disk_name(disk->id, name), 0);
}
