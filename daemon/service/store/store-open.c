/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-macro.h"
#include "store-image.h"
#include "store-internal.h"

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"

static const char layout_json[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";

/* Opens the directory @name, creating it if necessary. */
static int open_directory(int dir_fd, const char *name, mode_t mode, int *ret, Error *error) {
        int fd;

        if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Cannot create the cache directory %s", name);

        /* The cache itself may be a link to a larger disk; its contents may not. */
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
                { "leases", &store->leases_fd },   { "unpacked", &store->unpacked_fd },
        };
        _cleanup_(closep) int blobs_fd = -EBADF;
        int r;

        r = open_directory(AT_FDCWD, store->path, 0755, &store->root_fd, error);
        if (r < 0)
                return r;

        /* Content fetched with somebody's password is not for everybody. */
        r = open_directory(store->root_fd, "blobs", 0700, &blobs_fd, error);
        for (DigestAlgorithm i = 0; r >= 0 && i < _DIGEST_ALGORITHM_MAX; i++)
                r = open_directory(
                        blobs_fd, digest_algorithm_to_string(i), 0755, &store->blob_fds[i], error);
        if (r < 0)
                return r;

        r = open_directory(store->root_fd, "virt-bootstrap", 0700, &store->private_fd, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(own); i++)
                r = open_directory(store->private_fd, own[i].name, 0700, own[i].fd, error);
        if (r < 0)
                return r;
        /* The user of a machine reads the images below its own; nobody can guess or list their names. */
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
        return store_image_recover(store, error);
}

int store_open_in_boot(const char *path, const char *boot, Store **ret, Error *error) {
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
                .unpacked_fd = -EBADF,
                .journal_fd = -EBADF,
                .disks_fd = -EBADF,
                .disk_keys_fd = -EBADF,
                .leases_fd = -EBADF,
        };
        for (DigestAlgorithm i = 0; i < _DIGEST_ALGORITHM_MAX; i++)
                store->blob_fds[i] = -EBADF;
        (void) snprintf(store->boot, sizeof(store->boot), "%s", boot);
        if (!store->path)
                return error_oom(error);

        r = make_parents(path, error);
        if (r >= 0)
                r = open_directories(store, error);
        if (r >= 0)
                r = write_layout(store, error);
        if (r < 0) {
                (void) error_prefix(error, "Cannot use the cache %s", path);
                if (error)
                        error->kind = ERROR_CACHE_UNUSABLE;
                return r;
        }

        *ret = TAKE_PTR(store);
        return 0;
}

int store_open(const char *path, Store **ret, Error *error) {
        _cleanup_(freep) char *boot = NULL;

        if (file_read(AT_FDCWD, BOOT_FILE, STORE_BOOT_MAX, &boot, NULL) >= 0)
                boot[strcspn(boot, "\n")] = '\0';
        return store_open_in_boot(path, boot ? boot : "-", ret, error);
}
