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
#include "store-blob.h"
#include "store-internal.h"
#include "store-unpacked.h"

/* Precedes the fingerprint of a blob that may not be on the disk. */
#define UNSYNCED "unsynced "

/* Shows that nobody has changed a blob. */
#define FINGERPRINT_MAX 96
#define RECORD_MAX      (sizeof(UNSYNCED) + STORE_BOOT_MAX + FINGERPRINT_MAX)
static void format_fingerprint(const struct stat *st, char ret[static FINGERPRINT_MAX]) {
        (void) snprintf(
                ret, FINGERPRINT_MAX, "%jd %ju %jd.%09ld\n", (intmax_t) st->st_size,
                (uintmax_t) st->st_ino, (intmax_t) st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* Cuts "unsynced BOOT " off: returns the boot, and in *@text what follows; NULL when the blob was synced. */
static const char *take_boot(char **text) {
        char *boot;

        if (strncmp(*text, UNSYNCED, strlen(UNSYNCED)) != 0)
                return NULL;

        *text += strlen(UNSYNCED);
        boot = strsep(text, " ");
        if (!*text)
                *text = boot + strlen(boot);
        return boot;
}

static void read_record(
        Store *store, const Digest *digest, const struct stat *st, StoreBlob *blob) {
        _cleanup_(freep) char *record = NULL;
        char name[STORE_NAME_MAX], fingerprint[FINGERPRINT_MAX], *text;
        const char *boot;

        if (file_read(
                    store->verified_fd, store_blob_name(digest, name), STORE_RECORD_MAX, &record,
                    NULL) < 0)
                return;

        text = record;
        boot = take_boot(&text);
        format_fingerprint(st, fingerprint);
        if (strcmp(text, fingerprint) != 0)
                return;
        blob->is_verified = !boot || store_is_this_boot(store, boot);
        blob->is_synced = !boot || store_is_other_boot(store, boot);
}

int store_blob_open(Store *store, const Digest *digest, StoreBlob *ret, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        char name[STORE_NAME_MAX], hex[DIGEST_HEX_MAX];
        struct stat st;
        int r;

        /* O_NONBLOCK: a FIFO planted in the store must not hang the daemon. */
        fd =
                openat(store->blob_fds[digest->algorithm], digest_format_hex(digest, hex),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the cached blob %s", hex);

        r = store_lock_shared(fd);
        if (r <= 0)
                return r == 0 ? 0
                              : error_set_errno(error, -r, "Cannot lock the cached blob %s", hex);
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat the cached blob %s", hex);
        if (!S_ISREG(st.st_mode))
                return error_set(
                        error, EBADMSG, ERROR_FAILED, "The cached blob %s is not a regular file",
                        hex);
        if (st.st_nlink == 0)
                return 0;

        /* Its last use; irrelevant if it is not verified. */
        (void) utimensat(
                store->verified_fd, store_blob_name(digest, name), NULL, AT_SYMLINK_NOFOLLOW);

        *ret = (StoreBlob){ .fd = TAKE_FD(fd), .size = (uint64_t) st.st_size };
        read_record(store, digest, &st, ret);
        return 1;
}

bool store_blob_look(const Store *store, const Digest *digest, struct stat *ret) {
        char hex[DIGEST_HEX_MAX];

        return fstatat(store->blob_fds[digest->algorithm], digest_format_hex(digest, hex), ret,
                       AT_SYMLINK_NOFOLLOW) >= 0 &&
               S_ISREG(ret->st_mode);
}

/* For file systems without O_TMPFILE. */
static int open_unlinked(const char *directory) {
        _cleanup_(freep) char *path = NULL;
        int fd;

        if (asprintf(&path, "%s/virt-bootstrap-XXXXXX", directory) < 0) {
                path = NULL;
                return -ENOMEM;
        }

        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return -errno;

        (void) unlink(path);
        return fd;
}

int store_anonymous_open(const char *directory, int *ret_fd, Error *error) {
        int fd;

        fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0)
                fd = errno == EOPNOTSUPP || errno == EISDIR ? open_unlinked(directory) : -errno;
        if (fd < 0)
                return error_set_errno(
                        error, -fd, "Cannot create a temporary file in %s", directory);

        *ret_fd = fd;
        return 0;
}

int store_blob_set_verified(
        Store *store, const Digest *digest, const StoreBlob *blob, bool no_sync, Error *error) {
        char name[STORE_NAME_MAX], fingerprint[FINGERPRINT_MAX], record[RECORD_MAX];
        struct stat st;
        int r;

        if (fstat(blob->fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat a cached blob");

        /* The boot comes first, so that a truncated record does not match. */
        format_fingerprint(&st, fingerprint);
        if (blob->is_synced)
                strcpy(record, fingerprint);
        else
                (void) snprintf(record, sizeof(record), UNSYNCED "%s %s", store->boot, fingerprint);
        r = store_write(
                store->verified_fd, store_blob_name(digest, name), record, strlen(record), no_sync);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot record that %s is verified", name);
        return 0;
}

int store_blob_publish(
        Store *store,
        const Digest *expected,
        uint64_t size,
        int partial_fd,
        bool no_sync,
        Error *error) {
        const StoreBlob blob = { .fd = partial_fd, .size = size, .is_synced = !no_sync };
        _cleanup_(store_unlockp) int lock = store_lock(store);
        char name[STORE_PARTIAL_NAME_MAX], hex[DIGEST_HEX_MAX];

        store_partial_name(expected, size, name);
        if (lock < 0)
                return error_set_errno(error, -lock, "Cannot lock the cache");
        if (!store_partial_is_current(store, expected, size, partial_fd))
                return error_set(
                        error, ESTALE, ERROR_FAILED,
                        "The cached blob %s was removed in the meantime", name);

        /* The rename changes the change time: the fingerprint is taken after it. */
        if (fchmod(partial_fd, 0444) < 0 ||
            renameat(
                    store->partial_fd, name, store->blob_fds[expected->algorithm],
                    digest_format_hex(expected, hex)) < 0 ||
            flock(partial_fd, LOCK_SH) < 0)
                return error_set_errno(error, errno, "Cannot publish the cached blob %s", name);

        return store_blob_set_verified(store, expected, &blob, no_sync, error);
}

void store_blob_quarantine(Store *store, const Digest *digest) {
        char name[STORE_NAME_MAX], hex[DIGEST_HEX_MAX];

        (void) unlinkat(store->blob_fds[digest->algorithm], digest_format_hex(digest, hex), 0);
        (void) unlinkat(store->verified_fd, store_blob_name(digest, name), 0);
        store_unpacked_forget(store, digest);
}
