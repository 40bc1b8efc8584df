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
#include "base-macro.h"
#include "store-cache.h"
#include "store-internal.h"
#include "store-partial.h"
#include "store-unpacked.h"
#include "store-usage.h"

#define NSEC_PER_USEC 1000

typedef struct EntryList {
        StoreEntry *entries; /* owned */
        size_t n, room;
} EntryList;

static void entry_list_done(EntryList *list) {
        free(list->entries);
}

static int add_entry(EntryList *list, const StoreEntry *entry) {
        if (list->n == STORE_ENTRIES_MAX)
                return -E2BIG;

        if (list->n == list->room) {
                size_t room = list->room > 0 ? list->room * 2 : 64;
                StoreEntry *bigger = reallocarray(list->entries, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                list->entries = bigger;
                list->room = room;
        }

        list->entries[list->n++] = *entry;
        return 0;
}

static uint64_t timespec_to_usec(const struct timespec *t) {
        return (uint64_t) t->tv_sec * USEC_PER_SEC + (uint64_t) t->tv_nsec / NSEC_PER_USEC;
}

/* Opens a file of the store with an exclusive lock, so nobody uses it. */
static int lock_exclusively(int dir_fd, const char *name, int *ret_fd) {
        _cleanup_(closep) int fd = -EBADF;

        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static StoreEntryState lock_state(int dir_fd, const char *name, StoreEntryState unlocked) {
        _cleanup_(closep) int fd = -EBADF;

        return lock_exclusively(dir_fd, name, &fd) == -EBUSY ? STORE_ENTRY_USED : unlocked;
}

/* Adds the file @name in @dir_fd, if it exists and is a regular file. */
static int add_file(
        Store *store,
        EntryList *list,
        int dir_fd,
        const char *name,
        const Digest *digest,
        StoreEntryState unlocked) {
        StoreEntry entry = { .digest = *digest, .is_partial = unlocked == STORE_ENTRY_PARTIAL };
        char record[STORE_NAME_MAX];
        struct stat st, used, unpacked;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISREG(st.st_mode))
                return 0;

        entry.size = (uint64_t) st.st_size;
        entry.disk_bytes = store_usage_of(&st);
        if (fstatat(store->verified_fd, store_blob_name(digest, record), &used, 0) < 0)
                used = st;
        else if (!entry.is_partial)
                entry.disk_bytes += store_usage_of(&used);
        if (!entry.is_partial && fstatat(store->unpacked_fd, record, &unpacked, 0) >= 0)
                entry.disk_bytes += store_usage_of(&unpacked);
        entry.used_usec = timespec_to_usec(&used.st_mtim);
        entry.state = lock_state(dir_fd, name, unlocked);
        return add_entry(list, &entry);
}

static int list_blobs(Store *store, EntryList *list, DigestAlgorithm algorithm) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(store->blob_fds[algorithm], &dir);

        while (r >= 0 && (entry = readdir(dir))) {
                char text[DIGEST_STRING_MAX + 256];
                Digest digest;

                (void) stpcpy(
                        stpcpy(stpcpy(text, digest_algorithm_to_string(algorithm)), ":"),
                        entry->d_name);
                if (digest_parse(text, &digest) >= 0)
                        r = add_file(
                                store, list, store->blob_fds[algorithm], entry->d_name, &digest,
                                STORE_ENTRY_OK);
        }

        return r;
}

static int list_partials(Store *store, EntryList *list) {
        _cleanup_(store_unlockp) int lock =
                store_lock(store); /* as store_partial_open() relies on */
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = lock < 0 ? lock : dir_open(store->partial_fd, &dir);

        while (r >= 0 && (entry = readdir(dir))) {
                uint64_t size;
                Digest digest;

                if (store_partial_name_parse(entry->d_name, &digest, &size))
                        r = add_file(
                                store, list, store->partial_fd, entry->d_name, &digest,
                                STORE_ENTRY_PARTIAL);
        }

        return r;
}

static int compare_use(const void *a, const void *b) {
        const StoreEntry *x = a, *y = b;

        return (x->used_usec > y->used_usec) - (x->used_usec < y->used_usec);
}

int store_list(Store *store, StoreEntry **ret, size_t *ret_n, Error *error) {
        _cleanup_(entry_list_done) EntryList list = { 0 };
        int r = 0;

        for (DigestAlgorithm i = 0; r >= 0 && i < _DIGEST_ALGORITHM_MAX; i++)
                r = list_blobs(store, &list, i);
        if (r >= 0)
                r = list_partials(store, &list);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the cache");

        if (list.n > 0)
                qsort(list.entries, list.n, sizeof(*list.entries), compare_use);
        *ret = TAKE_PTR(list.entries);
        *ret_n = list.n;
        return 0;
}

const char *store_entry_state_to_string(StoreEntryState state) {
        switch (state) {
        case STORE_ENTRY_OK:
                return "ok";
        case STORE_ENTRY_USED:
                return "used";
        case STORE_ENTRY_PARTIAL:
                return "partial";
        }

        abort();
}

static int remove_locked(int dir_fd, const char *name) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = lock_exclusively(dir_fd, name, &fd);
        if (r < 0)
                return r;

        return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

static int remove_complete(Store *store, const Digest *digest) {
        char hex[DIGEST_HEX_MAX], name[STORE_NAME_MAX];
        int r;

        r = remove_locked(store->blob_fds[digest->algorithm], digest_format_hex(digest, hex));
        if (r >= 0)
                (void) unlinkat(store->verified_fd, store_blob_name(digest, name), 0);
        store_unpacked_forget(store, digest);
        return r;
}

int store_entry_remove(Store *store, const StoreEntry *entry) {
        return entry->is_partial ? store_partial_remove_all(store, &entry->digest)
                                 : remove_complete(store, &entry->digest);
}

void store_entry_set_used(Store *store, const StoreEntry *entry) {
        const struct timespec used = {
                .tv_sec = (time_t) (entry->used_usec / USEC_PER_SEC),
                .tv_nsec = (long) (entry->used_usec % USEC_PER_SEC) * NSEC_PER_USEC,
        };
        const struct timespec times[] = { used, used };
        char record[STORE_NAME_MAX];

        (void) utimensat(
                store->verified_fd, store_blob_name(&entry->digest, record), times,
                AT_SYMLINK_NOFOLLOW);
}
