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
#include "store-internal.h"
#include "store-partial.h"

#define SHARED_TRIES      20U
#define SHARED_RETRY_USEC 1000

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
        closep(&store->unpacked_fd);
        closep(&store->journal_fd);
        closep(&store->disks_fd);
        closep(&store->disk_keys_fd);
        closep(&store->leases_fd);
        (void) pthread_mutex_destroy(&store->journal_lock);
        free(store->path);
        free(store);
        return NULL;
}

static bool is_boot(const char *text) {
        return strlen(text) == STORE_BOOT_MAX - 1 &&
               strspn(text, "0123456789abcdef-") == STORE_BOOT_MAX - 1;
}

bool store_is_this_boot(const Store *store, const char *boot) {
        return is_boot(store->boot) && strcmp(store->boot, boot) == 0;
}

bool store_is_other_boot(const Store *store, const char *boot) {
        return is_boot(store->boot) && is_boot(boot) && strcmp(store->boot, boot) != 0;
}

int store_write(int dir_fd, const char *name, const char *text, size_t size, bool no_sync) {
        _cleanup_(closep) int fd = -EBADF;

        return no_sync ? file_write_unsynced(dir_fd, name, text, size, 0600, &fd)
                       : file_write_atomic(dir_fd, name, text, size, 0600);
}

uint64_t store_checksum(const char *data, size_t size) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ (unsigned char) data[i]) * UINT64_C(0x100000001b3);
        return hash;
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

        /* Opened each time, so that threads of one daemon exclude each other as daemons do. */
        fd = openat(store->private_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : TAKE_FD(fd);
}

void store_unlockp(int *lock) {
        closep(lock);
}

int store_lock_shared(int fd) {
        for (unsigned i = 0; i < SHARED_TRIES; i++) {
                if (flock(fd, LOCK_SH | LOCK_NB) >= 0)
                        return 1;
                if (errno != EWOULDBLOCK)
                        return -errno;
                (void) usleep(SHARED_RETRY_USEC);
        }

        return 0;
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
