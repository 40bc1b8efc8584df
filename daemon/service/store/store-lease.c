/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base-fd.h"
#include "store-internal.h"
#include "store-lease.h"

/*
 * A lease's file has "DEVICE INODE", the file handle as "TYPE HEX" or "-", and the ids of the images, each
 * on a line; then an empty line, and the path of the chain's top, which may contain anything.
 */
#define LEASE_BYTES_MAX ((size_t) 64 << 10)
#define HANDLE_HEX_MAX  (2 * MAX_HANDLE_SZ + 1)
#define NSEC_PER_SEC    1000000000L
#define ROOM_MIN        ((size_t) 16)
#define STEP_NSEC       1000L /* between the times of one image and the next */

typedef struct Handle {
        struct file_handle header;
        unsigned char bytes[MAX_HANDLE_SZ];
} Handle;

static_assert(
        offsetof(Handle, bytes) == offsetof(struct file_handle, f_handle),
        "the kernel writes behind the header");

static void format_handle(int fd, char *ret, size_t size) {
        Handle handle = { .header.handle_bytes = MAX_HANDLE_SZ };
        int mount_id, n;

        if (name_to_handle_at(fd, "", &handle.header, &mount_id, AT_EMPTY_PATH) < 0) {
                (void) snprintf(ret, size, "-");
                return;
        }

        n = snprintf(ret, size, "%d ", handle.header.handle_type);
        for (unsigned i = 0; i < handle.header.handle_bytes; i++)
                n += snprintf(ret + n, size - (size_t) n, "%02x", handle.bytes[i]);
}

static bool parse_handle(const char *text, Handle *ret) {
        const char *hex = strchr(text, ' ');
        size_t n;

        if (!hex)
                return false;

        hex++;
        n = strlen(hex) / 2;
        if (n > MAX_HANDLE_SZ)
                return false;

        *ret = (Handle){
                .header = { .handle_bytes = (unsigned) n, .handle_type = atoi(text) },
        };
        for (size_t i = 0; i < n; i++) {
                unsigned byte;

                if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
                        return false;
                ret->bytes[i] = (unsigned char) byte;
        }
        return true;
}

/* Removing the least recently used must begin at the top: images above a missing one are
 * lost. */
static void note_use(const StoreDisk *disks, size_t n_disks) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        for (size_t i = 0; i < n_disks; i++) {
                const struct timespec times[] = { now, now };

                (void) futimens(disks[i].fd, times);
                now.tv_sec -= now.tv_nsec < STEP_NSEC;
                now.tv_nsec += now.tv_nsec < STEP_NSEC ? NSEC_PER_SEC - STEP_NSEC : -STEP_NSEC;
        }
}

int store_disk_lease(
        Store *store,
        const StoreDiskChain *chain,
        char ret_id[static STORE_DISK_ID_MAX],
        Error *error) {
        char id[STORE_DISK_ID_MAX], handle[HANDLE_HEX_MAX + 16];
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        struct stat st;
        FILE *stream;
        int r;

        if (fstat(chain->top_fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at %s", chain->path);

        stream = open_memstream(&text, &size);
        if (!stream)
                return error_oom(error);

        format_handle(chain->top_fd, handle, sizeof(handle));
        (void) fprintf(
                stream, "%ju %ju\n%s\n", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino, handle);
        for (size_t i = 0; i < chain->n_disks; i++)
                (void) fprintf(stream, "%s\n", chain->disks[i].id);
        (void) fprintf(stream, "\n%s", chain->path);
        if (fclose(stream) != 0)
                return error_oom(error);

        r = store_disk_new_id(id);
        if (r >= 0)
                r = store_write(store->leases_fd, id, text, size, chain->no_sync);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot record the chain %s in the cache", chain->path);

        note_use(chain->disks, chain->n_disks);
        strcpy(ret_id, id);
        return 0;
}

/* Opens the deepest existing directory of @path. */
static int open_ancestor(const char *path) {
        _cleanup_(freep) char *copy = strdup(path);
        int fd = -1;

        for (char *slash = copy ? strrchr(copy, '/') : NULL; fd < 0 && slash;
             slash = strrchr(copy, '/')) {
                *slash = '\0';
                fd = open(slash == copy ? "/" : copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }

        return fd;
}

/* Whether the file still exists elsewhere. */
static bool exists_elsewhere(const char *path, dev_t device, const char *handle_text) {
        _cleanup_(closep) int dir_fd = open_ancestor(path), fd = -EBADF;
        struct stat st;
        Handle handle;

        /* The file system is not mounted: the chain may return with it. */
        if (dir_fd < 0 || fstat(dir_fd, &st) < 0 || st.st_dev != device)
                return true;
        /* If this is unknown, the images may be needed. */
        if (!parse_handle(handle_text, &handle))
                return true;

        fd = open_by_handle_at(dir_fd, &handle.header, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return errno != ESTALE && errno != ENOENT;
        return fstat(fd, &st) < 0 || st.st_nlink > 0;
}

static bool is_alive(const char *path, const char *identity, const char *handle) {
        uintmax_t device, inode;
        struct stat st;

        if (sscanf(identity, "%ju %ju", &device, &inode) != 2)
                return true;
        if (stat(path, &st) >= 0 && st.st_dev == (dev_t) device && st.st_ino == (ino_t) inode)
                return true;

        return exists_elsewhere(path, (dev_t) device, handle);
}

static char *next_line(char **text) {
        return strsep(text, "\n");
}

/* The parts of a lease's text, which is modified. */
typedef struct LeaseParts {
        const char *identity, *handle;
        char *ids;
        const char *path; /* NULL if it is damaged */
} LeaseParts;

static LeaseParts parse_lease(char *text) {
        LeaseParts parts = { 0 };
        char *end;

        parts.identity = next_line(&text);
        parts.handle = next_line(&text);
        parts.ids = text;
        end = text ? strstr(text, "\n\n") : NULL;
        if (end) {
                end[1] = '\0';
                parts.path = end + 2;
        }
        return parts;
}

static int add_ids(StoreDiskIds *ids, char *text) {
        char *id;
        int r = 0;

        while (r >= 0 && (id = next_line(&text)))
                if (store_disk_is_id(id))
                        r = store_disk_ids_add(ids, id);
        return r;
}

static void lease_done(StoreLease *lease) {
        free(lease->path);
        store_disk_ids_done(&lease->ids);
}

void store_leases_done(StoreLeases *leases) {
        for (size_t i = 0; i < leases->n; i++)
                lease_done(&leases->all[i]);
        free(leases->all);
        *leases = (StoreLeases){ 0 };
}

/* Which leases count. */
typedef enum Choice {
        CHOICE_ALL,
        CHOICE_ALIVE,
        CHOICE_CLEAN, /* the same, and the others are removed */
} Choice;

/* An unreadable lease keeps the images it names; one that a power failure has emptied names none. Returns 0 if it does
 * not count. */
static int read_lease(Store *store, const char *name, Choice choice, StoreLease *ret) {
        _cleanup_(freep) char *text = NULL;
        bool is_dead;
        LeaseParts parts;
        int r;

        r = file_read(store->leases_fd, name, LEASE_BYTES_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        is_dead = text[0] == '\0';
        parts = parse_lease(text);
        if (choice != CHOICE_ALL && parts.path)
                is_dead = !is_alive(parts.path, parts.identity, parts.handle);
        if (choice != CHOICE_ALL && is_dead) {
                if (choice == CHOICE_CLEAN)
                        (void) unlinkat(store->leases_fd, name, 0);
                return 0;
        }

        ret->path = parts.path ? strdup(parts.path) : NULL;
        r = parts.path && !ret->path ? -ENOMEM : add_ids(&ret->ids, parts.ids);
        return r < 0 ? r : 1;
}

static int add_lease(Store *store, const char *name, Choice choice, StoreLeases *leases) {
        _cleanup_(lease_done) StoreLease lease = { 0 };
        int r;

        r = read_lease(store, name, choice, &lease);
        if (r <= 0)
                return r;

        if (leases->n == leases->room) {
                const size_t room = leases->room > 0 ? 2 * leases->room : ROOM_MIN;
                StoreLease *bigger = reallocarray(leases->all, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                leases->all = bigger;
                leases->room = room;
        }

        store_disk_ids_sort(&lease.ids);
        leases->all[leases->n++] = TAKE_STRUCT(lease);
        return 0;
}

static int read_all(Store *store, Choice choice, StoreLeases *ret) {
        _cleanup_(store_leases_done) StoreLeases leases = { 0 };
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(store->leases_fd, &dir);
        if (r < 0)
                return r;

        for (size_t n = 0; r >= 0 && (entry = readdir(dir)); n++)
                if (n == STORE_DISK_LEASES_MAX)
                        r = -E2BIG;
                else if (store_disk_is_id(entry->d_name))
                        r = add_lease(store, entry->d_name, choice, &leases);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(leases);
        return 0;
}

int store_lease_list(Store *store, StoreLeases *ret) {
        return read_all(store, CHOICE_ALIVE, ret);
}

static int read_ids(Store *store, Choice choice, StoreDiskIds *ret) {
        _cleanup_(store_disk_ids_done) StoreDiskIds ids = { 0 };
        _cleanup_(store_leases_done) StoreLeases leases = { 0 };
        int r;

        r = read_all(store, choice, &leases);
        for (size_t i = 0; i < leases.n; i++)
                for (size_t j = 0; r >= 0 && j < leases.all[i].ids.n; j++)
                        r = store_disk_ids_add(&ids, leases.all[i].ids.ids[j]);
        if (r < 0)
                return r;

        store_disk_ids_sort(&ids);
        *ret = TAKE_STRUCT(ids);
        return 0;
}

int store_lease_read(Store *store, StoreDiskIds *ret) {
        return read_ids(store, CHOICE_ALL, ret);
}

int store_lease_read_alive(Store *store, StoreDiskIds *ret) {
        return read_ids(store, CHOICE_ALIVE, ret);
}

int store_lease_clean(Store *store, StoreDiskIds *ret) {
        return read_ids(store, CHOICE_CLEAN, ret);
}

int store_lease_ignore(Store *store, StoreDiskIds *ret) {
        return 0;
}

void store_disk_release(Store *store, const char *id) {
        (void) unlinkat(store->leases_fd, id, 0);
}

/* What cannot be read names none. */
static bool needs_one_of(Store *store, const char *name, const StoreDiskIds *ids) {
        _cleanup_(lease_done) StoreLease lease = { 0 };

        if (read_lease(store, name, CHOICE_ALL, &lease) <= 0)
                return false;
        for (size_t i = 0; i < lease.ids.n; i++)
                if (store_disk_ids_have(ids, lease.ids.ids[i]))
                        return true;

        return false;
}

void store_lease_drop(Store *store, const StoreDiskIds *removed) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;

        if (removed->n == 0 || dir_open(store->leases_fd, &dir) < 0)
                return;

        while ((entry = readdir(dir)))
                if (store_disk_is_id(entry->d_name) && needs_one_of(store, entry->d_name, removed))
                        store_disk_release(store, entry->d_name);
}
