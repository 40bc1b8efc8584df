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
#include "store-disk.h"
#include "store-internal.h"
#include "store-lease.h"
#include "store-usage.h"

#define ROOM_MIN      ((size_t) 64)
#define BATCH_MAX     ((size_t) 64) /* images locked at a time, each by a descriptor */
#define NSEC_PER_USEC 1000

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

        image.bytes = store_usage_of(&st);
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

/* Whether no job has it; nothing keeps a job from taking it afterwards. */
static bool is_unlocked(Store *store, const Image *image) {
        _cleanup_(closep) int lock = lock_image(store, image);

        return lock >= 0;
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

/* Which images leases keep. */
typedef int ReadLeases(Store *store, StoreDiskIds *ret);

/* Called for images that are free. */
typedef struct Visitor {
        ReadLeases *read_leases;
        void (*visit)(void *userdata, Store *store, const Image *image);
        void *userdata;
} Visitor;

/* Only to count: jobs find the images meanwhile, and paths of chains may hang. */
static int look_at_free_images(Store *store, const DiskImageList *list, const Visitor *visitor) {
        _cleanup_(store_disk_ids_done) StoreDiskIds leased = { 0 };
        int r;

        r = visitor->read_leases(store, &leased);
        for (size_t i = 0; r >= 0 && i < list->n; i++)
                if (!store_disk_ids_have(&leased, list->images[i].id) &&
                    is_unlocked(store, &list->images[i]))
                        visitor->visit(visitor->userdata, store, &list->images[i]);
        return r;
}

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

/* Images of @list that neither a job nor a chain needs: they may be removed. Jobs do not find them meanwhile. */
static int visit_free_images(Store *store, const DiskImageList *list, const Visitor *visitor) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < list->n; i += BATCH_MAX) {
                const size_t left = list->n - i;

                r = visit_batch(
                        store, &list->images[i], left < BATCH_MAX ? left : BATCH_MAX, visitor);
        }
        return r;
}

static uint64_t used_usec(const Image *image) {
        return (uint64_t) image->used.tv_sec * USEC_PER_SEC +
               (uint64_t) image->used.tv_nsec / NSEC_PER_USEC;
}

static char *short_id(const Image *image, char ret[static STORE_DISK_SHORT_ID_MAX]) {
        memcpy(ret, image->id, STORE_DISK_SHORT_ID_MAX - 1);
        ret[STORE_DISK_SHORT_ID_MAX - 1] = '\0';
        return ret;
}

typedef struct Pruning {
        const StoreDiskPruning *request; /* borrowed */
        StoreRemovals *removals;         /* borrowed */
        uint64_t room;                   /* bytes that may stay */
        uint64_t left;
        StoreDiskIds removed; /* owned; with force only */
        bool is_oom;
} Pruning;

static void pruning_done(Pruning *pruning) {
        store_disk_ids_done(&pruning->removed);
}

static void count_image(void *userdata, Store *store, const Image *image) {
        Pruning *pruning = userdata;

        pruning->left += image->bytes;
}

static void prune_image(void *userdata, Store *store, const Image *image) {
        Pruning *pruning = userdata;
        char id[STORE_DISK_SHORT_ID_MAX];

        if (pruning->left <= pruning->room || used_usec(image) >= pruning->request->before_usec ||
            (!pruning->request->is_dry && !remove_image(store, image)))
                return;

        pruning->left -= image->bytes < pruning->left ? image->bytes : pruning->left;
        if (store_removals_add(
                    pruning->removals, STORE_REMOVAL_DISK, short_id(image, id), image->bytes) < 0 ||
            (pruning->request->is_forced && store_disk_ids_add(&pruning->removed, image->id) < 0))
                pruning->is_oom = true;
}

/* Which leases keep their images. Removing no longer looks at the paths of chains: dead ones were removed before. */
static ReadLeases *choose_leases(const StoreDiskPruning *request) {
        if (request->is_forced)
                return store_lease_ignore;
        return request->is_dry ? store_lease_read_alive : store_lease_clean;
}

static int prune_images(Store *store, Pruning *pruning) {
        const StoreDiskPruning *request = pruning->request;
        _cleanup_(image_list_done) DiskImageList list = { 0 };
        Visitor visitor = { choose_leases(request), count_image, pruning };
        int r;

        r = list_images(store, &list);
        if (r >= 0 && list.n > 0) {
                qsort(list.images, list.n, sizeof(*list.images), compare_use);
                r = look_at_free_images(store, &list, &visitor);
        }
        if (r >= 0 && pruning->left > pruning->room) {
                visitor.visit = prune_image;
                if (!request->is_dry && !request->is_forced)
                        visitor.read_leases = store_lease_read;
                r = request->is_dry ? look_at_free_images(store, &list, &visitor)
                                    : visit_free_images(store, &list, &visitor);
        }
        if (request->is_forced && !request->is_dry) {
                store_disk_ids_sort(&pruning->removed);
                store_lease_drop(store, &pruning->removed);
        }
        return r >= 0 && pruning->is_oom ? -ENOMEM : r;
}

int store_disk_prune(
        Store *store,
        const StoreDiskPruning *request,
        StoreRemovals *removals,
        uint64_t *ret_left,
        Error *error) {
        const size_t n_before = removals->n;
        _cleanup_(pruning_done) Pruning pruning = { .request = request, .removals = removals };
        int r;

        if (request->keep_bytes > request->other_bytes)
                pruning.room = request->keep_bytes - request->other_bytes;
        r = prune_images(store, &pruning);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        if (removals->n > n_before && !request->is_dry)
                remove_stale_keys(store);
        *ret_left = pruning.left;
        return 0;
}

int store_disk_prunable(Store *store, uint64_t *ret, Error *error) {
        _cleanup_(image_list_done) DiskImageList list = { 0 };
        Pruning pruning = { 0 };
        const Visitor visitor = { store_lease_read, count_image, &pruning };
        int r;

        r = list_images(store, &list);
        if (r >= 0)
                r = look_at_free_images(store, &list, &visitor);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");

        *ret = pruning.left;
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

void store_disk_entries_free(StoreDiskEntry *entries, size_t n) {
        for (size_t i = 0; i < n; i++) {
                for (size_t j = 0; j < entries[i].n_chains; j++)
                        free(entries[i].chains[j]);
                free(entries[i].chains);
        }
        free(entries);
}

const char *store_disk_state_to_string(StoreDiskState state) {
        switch (state) {
        case STORE_DISK_OK:
                return "ok";
        case STORE_DISK_USED:
                return "used";
        case STORE_DISK_NEEDED:
                return "needed";
        }

        abort();
}

static int add_chain(StoreDiskEntry *entry, const StoreLease *lease) {
        char **bigger;

        if (!lease->path)
                return 0;
        bigger = reallocarray(entry->chains, entry->n_chains + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;

        entry->chains = bigger;
        bigger[entry->n_chains] = strdup(lease->path);
        if (!bigger[entry->n_chains])
                return -ENOMEM;
        entry->n_chains++;
        return 0;
}

static int describe(
        Store *store, const Image *image, const StoreLeases *leases, StoreDiskEntry *ret) {
        const bool is_used = !is_unlocked(store, image);
        int r = 0;

        (void) short_id(image, ret->short_id);
        ret->disk_bytes = image->bytes;
        ret->used_usec = used_usec(image);
        ret->state = is_used ? STORE_DISK_USED : STORE_DISK_OK;
        for (size_t i = 0; r >= 0 && i < leases->n; i++)
                if (store_disk_ids_have(&leases->all[i].ids, image->id)) {
                        r = add_chain(ret, &leases->all[i]);
                        ret->state = is_used ? STORE_DISK_USED : STORE_DISK_NEEDED;
                }
        return r;
}

int store_disk_list(Store *store, StoreDiskEntry **ret, size_t *ret_n, Error *error) {
        _cleanup_(image_list_done) DiskImageList list = { 0 };
        _cleanup_(store_leases_done) StoreLeases leases = { 0 };
        StoreDiskEntry *entries = NULL;
        int r;

        r = list_images(store, &list);
        if (r >= 0 && list.n > 0) {
                qsort(list.images, list.n, sizeof(*list.images), compare_use);
                r = store_lease_list(store, &leases);
        }
        if (r >= 0 && list.n > 0) {
                entries = calloc(list.n, sizeof(*entries));
                r = entries ? 0 : -ENOMEM;
        }
        for (size_t i = 0; r >= 0 && i < list.n; i++)
                r = describe(store, &list.images[i], &leases, &entries[i]);
        if (r < 0) {
                store_disk_entries_free(entries, entries ? list.n : 0);
                return error_set_errno(error, -r, "Cannot list the disk images in the cache");
        }

        *ret = entries;
        *ret_n = list.n;
        return 0;
}
