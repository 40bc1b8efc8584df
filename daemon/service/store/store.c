/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "store-image.h"
#include "store-internal.h"
#include "store-partial.h"

static const char layout_json[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";

/* Opens the directory @name, making it if need be. */
static int open_directory(int dir_fd, const char *name, mode_t mode, int *ret, Error *error) {
        int fd;

        if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Cannot create the cache directory %s", name);

        /* The cache itself may be a link to where there is room for it, what is in it may not. */
        fd = openat(dir_fd, name, O_DIRECTORY | O_CLOEXEC | (dir_fd == AT_FDCWD ? 0 : O_NOFOLLOW));
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the cache directory %s", name);

        *ret = fd;
        return 0;
}

/* As mkdir -p: the cache's parents, such as ~/.cache, may be missing too. */
static int make_parents(const char *path, Error *error) {
        _cleanup_(freep) char *copy = strdup(path);

        if (!copy)
                return error_oom(error);

        for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                        return error_set_errno(error, errno, "Cannot create %s", copy);
                *p = '/';
        }

        return 0;
}

static int open_directories(Store *store, Error *error) {
        const struct {
                const char *name;
                int *fd;
        } own[] = {
                { "partial", &store->partial_fd }, { "verified", &store->verified_fd },
                { "journal", &store->journal_fd }, { "disks", &store->disk_keys_fd },
                { "leases", &store->leases_fd },
        };
        _cleanup_(closep) int blobs_fd = -EBADF;
        int r;

        r = open_directory(AT_FDCWD, store->path, 0755, &store->root_fd, error);
        if (r < 0)
                return r;

        /* What came with somebody's password is not for everybody. */
        r = open_directory(store->root_fd, "blobs", 0700, &blobs_fd, error);
        for (DigestAlgorithm i = 0; r >= 0 && i < _DIGEST_ALGORITHM_MAX; i++)
                r = open_directory(
                        blobs_fd, digest_algorithm_to_string(i), 0755, &store->blob_fds[i], error);
        if (r < 0)
                return r;

        r = open_directory(store->root_fd, "virt-bootstrap", 0700, &store->private_fd, error);
        for (size_t i = 0; r >= 0 && i < sizeof(own) / sizeof(own[0]); i++)
                r = open_directory(store->private_fd, own[i].name, 0700, own[i].fd, error);
        if (r < 0)
                return r;
        /* Who runs a machine reads the images below its own, whose names nobody can guess or list. */
        return open_directory(store->root_fd, "disks", 0711, &store->disks_fd, error);
}

int store_open_users(const Store *store, Error *error) {
        int fd = -EBADF, r;

        r = open_directory(store->private_fd, "users", 0700, &fd, error);
        return r < 0 ? r : fd;
}

static int write_layout(Store *store, Error *error) {
        int r = 0;

        if (faccessat(store->root_fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                r = file_write_atomic(
                        store->root_fd, "oci-layout", layout_json, strlen(layout_json), 0644);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot write oci-layout");

        if (faccessat(store->root_fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return store_image_refresh(store, error);
        return 0;
}

int store_open(const char *path, Store **ret, Error *error) {
        _cleanup_(store_freep) Store *store = NULL;
        int r;

        assert(path[0] == '/');

        store = malloc(sizeof(*store));
        if (!store)
                return error_oom(error);

        *store = (Store){
                .path = strdup(path),
                .journal_lock = PTHREAD_MUTEX_INITIALIZER,
                .root_fd = -EBADF,
                .private_fd = -EBADF,
                .partial_fd = -EBADF,
                .verified_fd = -EBADF,
                .journal_fd = -EBADF,
                .disks_fd = -EBADF,
                .disk_keys_fd = -EBADF,
                .leases_fd = -EBADF,
        };
        for (DigestAlgorithm i = 0; i < _DIGEST_ALGORITHM_MAX; i++)
                store->blob_fds[i] = -EBADF;
        if (!store->path)
                return error_oom(error);

        r = make_parents(path, error);
        if (r >= 0)
                r = open_directories(store, error);
        if (r >= 0)
                r = write_layout(store, error);
        if (r < 0) {
                (void) error_prefix(error, "Cannot use the cache %s", path);
                return r;
        }

        *ret = TAKE_PTR(store);
        return 0;
}

void store_set_log(Store *store, const Log *log) {
        store->log = log;
}

Store *store_free(Store *store) {
        if (!store)
                return NULL;

        closep(&store->root_fd);
        for (DigestAlgorithm i = 0; i < _DIGEST_ALGORITHM_MAX; i++)
                closep(&store->blob_fds[i]);
        closep(&store->private_fd);
        closep(&store->partial_fd);
        closep(&store->verified_fd);
        closep(&store->journal_fd);
        closep(&store->disks_fd);
        closep(&store->disk_keys_fd);
        closep(&store->leases_fd);
        (void) pthread_mutex_destroy(&store->journal_lock);
        free(store->path);
        free(store);
        return NULL;
}

const char *store_path(const Store *store) {
        return store->path;
}

char *store_blob_name(const Digest *digest, char ret[static STORE_NAME_MAX]) {
        *strchr(digest_format(digest, ret), ':') = '-';
        return ret;
}

char *store_partial_name(
        const Digest *digest, uint64_t size, char ret[static STORE_PARTIAL_NAME_MAX]) {
        char name[STORE_NAME_MAX];

        store_blob_name(digest, name);
        if (size == STORE_SIZE_UNKNOWN)
                (void) snprintf(ret, STORE_PARTIAL_NAME_MAX, "%s", name);
        else
                (void) snprintf(ret, STORE_PARTIAL_NAME_MAX, "%s.%" PRIu64, name, size);
        return ret;
}

bool store_partial_name_parse(const char *name, Digest *ret, uint64_t *ret_size) {
        char again[STORE_PARTIAL_NAME_MAX], blob[STORE_PARTIAL_NAME_MAX];
        char *dot;

        if (strlen(name) >= sizeof(blob))
                return false;

        strcpy(blob, name);
        dot = strchr(blob, '.');
        if (dot)
                *dot = '\0';
        if (!store_blob_name_parse(blob, ret))
                return false;

        *ret_size = dot ? strtoull(dot + 1, NULL, 10) : STORE_SIZE_UNKNOWN;
        return strcmp(name, store_partial_name(ret, *ret_size, again)) == 0;
}

int store_lock(Store *store) {
        _cleanup_(closep) int fd = -EBADF;

        /* Opened each time: threads of one daemon keep each other out as other daemons do. */
        fd = openat(store->private_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : TAKE_FD(fd);
}

void store_unlockp(int *lock) {
        closep(lock);
}

bool store_blob_name_parse(const char *name, Digest *ret) {
        char text[STORE_NAME_MAX];
        char *dash;

        if (strlen(name) >= sizeof(text))
                return false;

        strcpy(text, name);
        dash = strchr(text, '-');
        if (!dash)
                return false;

        *dash = ':';
        return digest_parse(text, ret) >= 0;
}
