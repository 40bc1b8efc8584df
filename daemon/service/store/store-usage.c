/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-macro.h"
#include "store-internal.h"
#include "store-usage.h"

#define BLOCK_BYTES 512u /* of st_blocks */
#define ROOM_MIN    ((size_t) 16)

/* Of virt-builder's working directories: BUILDER_PLACE_PREFIX of the workers. */
#define BUILDER_PLACES "place-"

/* Directories and what they are for; what is below has the same purpose. */
static const struct Place {
        const char *parent, *name; /* @parent: "" for the cache itself */
        StoreUsageKind kind;
} places[] = {
        { "", "blobs", STORE_USAGE_BLOBS },
        { "", "disks", STORE_USAGE_DISKS },
        { "", "builder", STORE_USAGE_TEMPLATES },
        { "", "docker_images", STORE_USAGE_VERSION_1 },
        { "virt-bootstrap", "partial", STORE_USAGE_PARTIAL },
        { "virt-bootstrap", "verified", STORE_USAGE_BLOBS },
        { "virt-bootstrap", "unpacked", STORE_USAGE_BLOBS },
};

/* A file that has several names. */
typedef struct Linked {
        dev_t device;
        ino_t inode;
} Linked;

typedef struct Walk {
        StoreUsage usage;
        Linked *linked; /* owned; those that were counted */
        size_t n_linked, room;
} Walk;

static void walk_done(Walk *walk) {
        free(walk->linked);
}

uint64_t store_usage_of(const struct stat *st) {
        return (uint64_t) st->st_blocks * BLOCK_BYTES;
}

uint64_t store_usage_total(const StoreUsage *usage) {
        uint64_t total = 0;

        for (StoreUsageKind kind = 0; kind < _STORE_USAGE_MAX; kind++)
                total += usage->bytes[kind];
        return total;
}

const char *store_usage_kind_to_string(StoreUsageKind kind) {
        static const char *const names[] = {
                [STORE_USAGE_BLOBS] = "blobs",         [STORE_USAGE_PARTIAL] = "partial",
                [STORE_USAGE_DISKS] = "disks",         [STORE_USAGE_TEMPLATES] = "templates",
                [STORE_USAGE_VERSION_1] = "version-1", [STORE_USAGE_OTHER] = "other",
        };

        return names[kind];
}

/* Returns 1 when it was counted before. */
static int count_link(Walk *walk, const struct stat *st) {
        for (size_t i = 0; i < walk->n_linked; i++)
                if (walk->linked[i].device == st->st_dev && walk->linked[i].inode == st->st_ino)
                        return 1;

        if (walk->n_linked == walk->room) {
                const size_t room = walk->room > 0 ? 2 * walk->room : ROOM_MIN;
                Linked *bigger = reallocarray(walk->linked, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                walk->linked = bigger;
                walk->room = room;
        }

        walk->linked[walk->n_linked++] = (Linked){ st->st_dev, st->st_ino };
        return 0;
}

/* A directory that is being looked at. */
typedef struct Folder {
        const char *name; /* "" for the cache itself */
        StoreUsageKind kind;
        unsigned depth;
} Folder;

static StoreUsageKind kind_in(const Folder *folder, const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(places); i++)
                if (folder->depth <= 1 && strcmp(folder->name, places[i].parent) == 0 &&
                    strcmp(name, places[i].name) == 0)
                        return places[i].kind;

        return folder->kind;
}

static bool is_skipped(const Folder *folder, const char *name) {
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
               (folder->kind == STORE_USAGE_TEMPLATES && folder->depth == 1 &&
                strncmp(name, BUILDER_PLACES, strlen(BUILDER_PLACES)) == 0);
}

/* Counts what has the name; returns 1 and a descriptor if it is a directory to look into. */
static int count_entry(Walk *walk, int dir_fd, const char *name, const Folder *entry, int *ret_fd) {
        struct stat st;
        int fd, r;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;

        r = !S_ISDIR(st.st_mode) && st.st_nlink > 1 ? count_link(walk, &st) : 0;
        if (r != 0)
                return r < 0 ? r : 0;
        walk->usage.bytes[S_ISDIR(st.st_mode) ? STORE_USAGE_OTHER : entry->kind] +=
                store_usage_of(&st);
        if (!S_ISDIR(st.st_mode) || entry->depth > STORE_USAGE_DEPTH_MAX)
                return 0;

        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == EACCES ? 0 : -errno;
        *ret_fd = fd;
        return 1;
}

static int walk_folder(Walk *walk, int fd, const Folder *folder) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(fd, &dir);
        while (r >= 0 && (entry = readdir(dir))) {
                const char *name = entry->d_name;
                const Folder below = { name, kind_in(folder, name), folder->depth + 1 };
                _cleanup_(closep) int below_fd = -EBADF;

                if (is_skipped(folder, name))
                        continue;
                r = count_entry(walk, fd, name, &below, &below_fd);
                if (r > 0)
                        r = walk_folder(walk, below_fd, &below);
        }
        return r;
}

int store_usage_read(const Store *store, StoreUsage *ret, Error *error) {
        const Folder root = { .name = "", .kind = STORE_USAGE_OTHER };
        _cleanup_(walk_done) Walk walk = { 0 };
        struct stat st;
        int r;

        r = fstat(store->root_fd, &st) < 0 ? -errno : walk_folder(&walk, store->root_fd, &root);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot determine the size of the cache");

        walk.usage.bytes[STORE_USAGE_OTHER] += store_usage_of(&st);
        *ret = walk.usage;
        return 0;
}
