/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
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

#define OPEN_TRIES      20U
#define OPEN_RETRY_USEC 1000

/* One that nobody fills. */
typedef struct Leftover {
        char name[STORE_PARTIAL_NAME_MAX];
        struct timespec changed;
        uint64_t size; /* bytes */
} Leftover;

typedef struct Leftovers {
        Leftover *all; /* owned */
        size_t n, room;
} Leftovers;

static void leftovers_done(Leftovers *leftovers) {
        free(leftovers->all);
}

/* Whoever fills it may hold a lease for a moment, to learn who else has it open for writing. */
static int open_partial(Store *store, const char *name) {
        for (unsigned i = 0;; i++) {
                const int fd =
                        openat(store->partial_fd, name,
                               O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

                if (fd >= 0 || errno != EWOULDBLOCK || i == OPEN_TRIES)
                        return fd;
                (void) usleep(OPEN_RETRY_USEC);
        }
}

int store_partial_open(
        Store *store, const Digest *digest, uint64_t size, int *ret_fd, Error *error) {
        _cleanup_(store_unlockp) int lock = store_lock(store);
        char name[STORE_PARTIAL_NAME_MAX];
        int fd;

        if (lock < 0)
                return error_set_errno(error, -lock, "Cannot lock the cache");
        fd = open_partial(store, store_partial_name(digest, size, name));
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot create the cached blob %s", name);

        /* Searches for leftovers lock the store, so only a job that fills it has a lock now. */
        (void) flock(fd, LOCK_EX | LOCK_NB);

        *ret_fd = fd;
        return 0;
}

uint64_t store_partial_size(Store *store, const Digest *digest, uint64_t size) {
        char name[STORE_PARTIAL_NAME_MAX];
        struct stat st;

        if (fstatat(store->partial_fd, store_partial_name(digest, size, name), &st,
                    AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return (uint64_t) st.st_size < size ? (uint64_t) st.st_size : size;
}

bool store_partial_is_current(Store *store, const Digest *digest, uint64_t size, int fd) {
        char name[STORE_PARTIAL_NAME_MAX];
        struct stat named, opened;

        return fstatat(store->partial_fd, store_partial_name(digest, size, name), &named,
                       AT_SYMLINK_NOFOLLOW) >= 0 &&
               fstat(fd, &opened) >= 0 && named.st_dev == opened.st_dev &&
               named.st_ino == opened.st_ino;
}

bool store_partial_is_busy(int fd) {
        return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void store_partial_remove(Store *store, const Digest *digest, uint64_t size, int fd) {
        _cleanup_(store_unlockp) int lock = store_lock(store);
        char name[STORE_PARTIAL_NAME_MAX];

        if (lock >= 0 && store_partial_is_current(store, digest, size, fd))
                (void) unlinkat(store->partial_fd, store_partial_name(digest, size, name), 0);
}

/* Opens @name if nobody fills it, with a lock to keep it that way. */
static int lock_leftover(Store *store, const char *name, struct stat *ret) {
        _cleanup_(closep) int fd = -EBADF;

        fd = openat(store->partial_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, ret) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        return TAKE_FD(fd);
}

static int add_leftover(Leftovers *leftovers, const char *name, const struct stat *st) {
        Leftover *one;

        if (leftovers->n == leftovers->room) {
                size_t room = leftovers->room > 0 ? leftovers->room * 2 : 64;
                Leftover *bigger = reallocarray(leftovers->all, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                leftovers->all = bigger;
                leftovers->room = room;
        }

        one = &leftovers->all[leftovers->n++];
        *one = (Leftover){ .changed = st->st_mtim, .size = (uint64_t) st->st_size };
        strcpy(one->name, name); /* store_partial_name_parse() has checked its length */
        return 0;
}

static int compare_age(const void *a, const void *b) {
        const struct timespec *x = &((const Leftover *) a)->changed,
                              *y = &((const Leftover *) b)->changed;

        if (x->tv_sec != y->tv_sec)
                return x->tv_sec < y->tv_sec ? -1 : 1;
        return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* The oldest first. */
static int find_leftovers(Store *store, Leftovers *leftovers) {
        _cleanup_(store_unlockp) int lock = store_lock(store);
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = lock < 0 ? lock : dir_open(store->partial_fd, &dir);

        while (r >= 0 && (entry = readdir(dir))) {
                _cleanup_(closep) int fd = -EBADF;
                uint64_t size;
                Digest digest;
                struct stat st;

                if (!store_partial_name_parse(entry->d_name, &digest, &size))
                        continue;
                fd = lock_leftover(store, entry->d_name, &st);
                if (fd >= 0)
                        r = add_leftover(leftovers, entry->d_name, &st);
        }

        if (leftovers->n > 0)
                qsort(leftovers->all, leftovers->n, sizeof(leftovers->all[0]), compare_age);
        return r;
}

/* Removes @name if nobody fills it; otherwise returns -EBUSY. */
static int remove_leftover(Store *store, const char *name, struct stat *ret) {
        _cleanup_(store_unlockp) int lock = store_lock(store);
        _cleanup_(closep) int fd = -EBADF;

        if (lock < 0)
                return lock;
        fd = lock_leftover(store, name, ret);
        if (fd < 0)
                return fd;
        return unlinkat(store->partial_fd, name, 0) < 0 ? -errno : 0;
}

uint64_t store_partial_free(Store *store, uint64_t bytes) {
        _cleanup_(leftovers_done) Leftovers leftovers = { 0 };
        uint64_t freed = 0;

        (void) find_leftovers(store, &leftovers);
        for (size_t i = 0; i < leftovers.n && freed < bytes; i++) {
                struct stat st;

                if (remove_leftover(store, leftovers.all[i].name, &st) >= 0)
                        freed += (uint64_t) st.st_size;
        }
        return freed;
}

void store_partial_trim(Store *store, uint64_t keep) {
        _cleanup_(leftovers_done) Leftovers leftovers = { 0 };
        uint64_t left = 0;

        (void) find_leftovers(store, &leftovers);
        for (size_t i = 0; i < leftovers.n; i++)
                left += leftovers.all[i].size;
        for (size_t i = 0; i < leftovers.n && (left > keep || leftovers.n - i > STORE_PARTIALS_MAX);
             i++) {
                struct stat st;

                (void) remove_leftover(store, leftovers.all[i].name, &st);
                left -= leftovers.all[i].size;
        }
}

int store_partial_remove_all(Store *store, const Digest *digest) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r, result = -ENOENT;

        r = dir_open(store->partial_fd, &dir);
        if (r < 0)
                return r;

        while ((entry = readdir(dir))) {
                uint64_t size;
                Digest found;
                struct stat st;

                if (!store_partial_name_parse(entry->d_name, &found, &size) ||
                    !digest_equal(&found, digest))
                        continue;

                r = remove_leftover(store, entry->d_name, &st);
                if (r < 0 || result == -ENOENT)
                        result = r;
        }
        return result;
}
