/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination.h"

#define STAGING_PREFIX ".virt-bootstrap-"
#define STAGING_CLONE_PATH                                                                         \
        (sizeof(STAGING_PREFIX) + NAME_MAX + sizeof("/" DESTINATION_STAGING_ROOT))

struct Destination {
        char *path;    /* owned; absolute, the parent's part without links */
        char *name;    /* borrowed from @path: the last component */
        char *staging; /* owned; name of the staging directory */
        char clone_target[STAGING_CLONE_PATH];
        int parent_fd;  /* owned; -EBADF until prepared */
        int staging_fd; /* owned, with a lock; -EBADF when in place */
        int root_fd;    /* owned */
        bool exists;    /* the destination did, when we looked */
        bool overwrite;
        bool is_in_place;
        bool is_locked; /* in place: nobody else works there, and it had no content */
        bool is_committed;
        size_t parents_length; /* of @path: what existed already, when parents are to be made */
        Store *store;          /* borrowed */
        char journal_id[STORE_JOURNAL_ID_MAX]; /* empty: not noted */
};

static bool is_empty(int dir_fd) {
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;
        bool empty = true;

        if (!dir) {
                closep(&fd);
                return false;
        }

        /* A file system of its own is empty, too, with what mkfs puts there. */
        errno = 0;
        while (empty && (entry = readdir(dir)))
                empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                        strcmp(entry->d_name, "lost+found") == 0;
        empty = empty && errno == 0;
        (void) closedir(dir);
        return empty;
}

/* Removes "//", "/./" and what is after the last name. "..", which a link could lead elsewhere, is left
 * to realpath(). */
static void tidy_path(char *path) {
        char *to = path;

        for (const char *from = path; *from;) {
                if (from[0] == '/' && (from[1] == '/' || from[1] == '\0'))
                        from++;
                else if (from[0] == '/' && from[1] == '.' && (from[2] == '/' || from[2] == '\0'))
                        from += 2;
                else
                        *to++ = *from++;
        }

        *to = '\0';
}

/* Whether one of the names in @path, which begins with a slash or is empty, is "..". */
static bool goes_up(const char *path) {
        for (const char *p = path; *p; p += 1 + strcspn(p + 1, "/"))
                if (strcspn(p + 1, "/") == 2 && strncmp(p + 1, "..", 2) == 0)
                        return true;

        return false;
}

static int unusable(const char *path, int code, Error *error) {
        if (code == ELOOP || code == ENAMETOOLONG)
                return error_set(
                        error, code, ERROR_INVALID_DESTINATION, "Cannot use the destination %s: %s",
                        path, strerror(code));
        return error_set_errno(error, code, "Cannot use the destination %s", path);
}

/* Resolves what exists of the path: the destination itself may be a link to a directory. */
static int resolve(Destination *destination, const char *path, Error *error) {
        _cleanup_(freep) char *copy = strdup(path), *real = NULL;
        size_t existing;

        if (!copy)
                return error_oom(error);

        tidy_path(copy);
        existing = strlen(copy);
        while (existing > 0 && !real) {
                char end = copy[existing];

                copy[existing] = '\0';
                real = realpath(copy, NULL);
                copy[existing] = end;
                if (real)
                        break;
                if (errno != ENOENT && errno != ENOTDIR)
                        return unusable(path, errno, error);
                while (existing > 0 && copy[--existing] != '/')
                        ;
        }

        if (goes_up(copy + existing))
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination %s goes up from a directory that does not exist", path);

        destination->exists = existing > 0 && copy[existing] == '\0';
        destination->parents_length = real && strcmp(real, "/") != 0 ? strlen(real) : 0;
        if (asprintf(
                    &destination->path, "%s%s", destination->parents_length > 0 ? real : "",
                    copy + existing) < 0) {
                destination->path = NULL;
                return error_oom(error);
        }

        if (destination->path[0] == '\0')
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination / is the root of this system: want a directory of its own");

        destination->name = strrchr(destination->path, '/') + 1;
        if (strlen(destination->name) > NAME_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_INVALID_DESTINATION,
                        "The name of the destination %s is too long", path);
        return 0;
}

/* A name that is too long for a prefix is cut; two that then have the same staging directory are told
 * apart by its lock. */
static int name_staging(Destination *destination, Error *error) {
        if (asprintf(
                    &destination->staging, STAGING_PREFIX "%.*s",
                    (int) (NAME_MAX - strlen(STAGING_PREFIX)), destination->name) < 0) {
                destination->staging = NULL;
                return error_oom(error);
        }

        (void) snprintf(
                destination->clone_target, sizeof(destination->clone_target),
                "%s/" DESTINATION_STAGING_ROOT, destination->staging);
        return 0;
}

static int check_content(const Destination *destination, int fd, Error *error) {
        if (!destination->overwrite && !is_empty(fd))
                return error_set(
                        error, ENOTEMPTY, ERROR_DESTINATION_NOT_EMPTY,
                        "The destination %s is not empty: want a new or empty directory, or --overwrite",
                        destination->path);
        if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
                return error_set_errno(
                        error, errno, "Cannot write to the destination %s", destination->path);
        return 0;
}

static int check_existing(const Destination *destination, Error *error) {
        _cleanup_(closep) int fd = -EBADF;

        fd = open(destination->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOTDIR)
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s is not a directory", destination->path);
        if (fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the destination %s", destination->path);

        return check_content(destination, fd, error);
}

/* Whether the first part that does not exist is there after all: as a link to what does not. */
static bool leads_nowhere(const Destination *destination) {
        const char *first = destination->path + destination->parents_length + 1;
        _cleanup_(freep) char *path = NULL;
        struct stat st;

        path = strndup(
                destination->path, (size_t) (first - destination->path) + strcspn(first, "/"));
        return path && lstat(path, &st) >= 0 && S_ISLNK(st.st_mode);
}

/* Whether the directory in which the destination's first missing part is to be made can be written. */
static int check_parent(const Destination *destination, Error *error) {
        _cleanup_(freep) char *parent = strndup(destination->path, destination->parents_length);
        struct stat st;

        if (!parent)
                return error_oom(error);
        if (parent[0] == '\0') {
                free(parent);
                parent = strdup("/");
                if (!parent)
                        return error_oom(error);
        }

        if (stat(parent, &st) >= 0 && !S_ISDIR(st.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be made: %s is not a directory",
                        destination->path, parent);
        if (leads_nowhere(destination))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be made: a link in it leads nowhere",
                        destination->path);
        if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) < 0)
                return error_set_errno(
                        error, errno, "Cannot make the destination %s in %s", destination->path,
                        parent);
        return 0;
}

static int use_directory(Destination *destination, int directory_fd, Error *error) {
        struct stat st;

        if (fstat(directory_fd, &st) < 0 || !S_ISDIR(st.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The descriptor of the destination is not a directory");

        destination->root_fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (destination->root_fd < 0)
                return error_set_errno(error, errno, "Cannot open the destination");

        destination->exists = destination->is_in_place = true;
        return check_content(destination, destination->root_fd, error);
}

int destination_new(const DestinationRequest *request, Destination **ret, Error *error) {
        _cleanup_(destination_freep) Destination *destination = NULL;
        int r;

        if (request->path[0] != '/')
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination \"%s\" is not an absolute path", request->path);

        destination = malloc(sizeof(*destination));
        if (!destination)
                return error_oom(error);

        *destination = (Destination){
                .parent_fd = -EBADF,
                .staging_fd = -EBADF,
                .root_fd = -EBADF,
                .overwrite = request->overwrite,
        };

        r = resolve(destination, request->path, error);
        if (r >= 0)
                r = name_staging(destination, error);
        if (r < 0)
                return r;

        if (request->directory_fd >= 0)
                r = use_directory(destination, request->directory_fd, error);
        else if (destination->exists)
                r = check_existing(destination, error);
        else
                r = check_parent(destination, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(destination);
        return 0;
}

Destination *destination_free(Destination *destination) {
        if (!destination)
                return NULL;

        closep(&destination->parent_fd);
        closep(&destination->staging_fd);
        closep(&destination->root_fd);
        free(destination->staging);
        free(destination->path);
        free(destination);
        return NULL;
}

const char *destination_path(const Destination *destination) {
        return destination->path;
}

static void remove_made_parents(Destination *destination) {
        for (char *p = destination->name - 1; p > destination->path + destination->parents_length;
             p--)
                if (*p == '/') {
                        *p = '\0';
                        (void) rmdir(destination->path);
                        *p = '/';
                }
}

static int make_parents(Destination *destination, Error *error) {
        char *path = destination->path, *last = destination->name - 1;

        if (destination->exists)
                return 0;

        for (char *p = strchr(path + destination->parents_length + 1, '/'); p && p <= last;
             p = strchr(p + 1, '/')) {
                int r = 0;

                *p = '\0';
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        r = error_set_errno(error, errno, "Cannot make %s", path);
                *p = '/';
                if (r < 0)
                        return r;
        }

        return 0;
}

static int open_parent(Destination *destination, Error *error) {
        char *last = destination->name - 1;

        if (last == destination->path) {
                destination->parent_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        } else {
                *last = '\0';
                destination->parent_fd =
                        open(destination->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                *last = '/';
        }

        if (destination->parent_fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the directory of the destination %s",
                        destination->path);
        return 0;
}

static int note_in_journal(Destination *destination, Error *error) {
        _cleanup_(freep) char *path = NULL;
        char id[SD_ID128_STRING_MAX];
        sd_id128_t random;
        int r;

        if (destination->journal_id[0] != '\0')
                return 0;

        r = sd_id128_randomize(&random);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot make an id");
        if (asprintf(
                    &path, "%.*s%s", (int) (destination->name - destination->path),
                    destination->path, destination->staging) < 0) {
                path = NULL;
                return error_oom(error);
        }

        sd_id128_to_string(random, id);
        r = store_journal_add(destination->store, id, path, error);
        if (r < 0)
                return r;

        strcpy(destination->journal_id, id);
        return 0;
}

static int busy(const Destination *destination, Error *error) {
        return error_set(
                error, EBUSY, ERROR_DESTINATION_BUSY, "Another job works on the destination %s",
                destination->path);
}

/* Whether it is a directory that a daemon of this user made for staging, still in its place. */
static bool is_staging(int fd) {
        struct stat st;

        return fstat(fd, &st) >= 0 && st.st_uid == geteuid() && (st.st_mode & 07777) == 0700 &&
               st.st_nlink > 0;
}

/* Makes the staging directory, or takes over the one that a killed daemon left: what is in it goes. */
static int make_staging(Destination *destination, Error *error) {
        _cleanup_(closep) int fd = -EBADF;

        if (mkdirat(destination->parent_fd, destination->staging, 0700) < 0 && errno != EEXIST)
                return -errno;

        fd =
                openat(destination->parent_fd, destination->staging,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the staging directory %s", destination->staging);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return busy(destination, error);
        if (!is_staging(fd))
                return error_set(
                        error, EBUSY, ERROR_DESTINATION_BUSY,
                        "%s is in the way: remove it, it is not a staging directory of this user",
                        destination->staging);

        /* Only now it is ours to remove. */
        destination->staging_fd = TAKE_FD(fd);
        return 0;
}

/* The root of the new tree looks like the directory that it replaces, until the image says otherwise. */
static int make_root(Destination *destination, Error *error) {
        struct stat st = { .st_mode = 0755, .st_uid = geteuid(), .st_gid = getegid() };

        if (destination->exists &&
            fstatat(destination->parent_fd, destination->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(
                        error, errno, "Cannot stat the destination %s", destination->path);

        if (mkdirat(destination->staging_fd, DESTINATION_STAGING_ROOT, 0700) < 0) {
                if (errno == EEXIST)
                        return 1;
                return error_set_errno(error, errno, "Cannot make a directory for the new tree");
        }

        destination->root_fd =
                openat(destination->staging_fd, DESTINATION_STAGING_ROOT,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (destination->root_fd < 0 || fchmod(destination->root_fd, st.st_mode & 07777) < 0)
                return error_set_errno(error, errno, "Cannot open the directory for the new tree");
        /* Who may not keep the owner becomes the owner. */
        (void) !fchown(destination->root_fd, st.st_uid, st.st_gid);
        return 0;
}

static bool is_mount_point(const Destination *destination) {
        struct statx sx;

        return statx(destination->parent_fd, destination->name,
                     AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) == 0 &&
               (sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
               (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Somebody may have filled it since it was looked at. */
static int lock_in_place(Destination *destination, Error *error) {
        int r;

        if (flock(destination->root_fd, LOCK_EX | LOCK_NB) < 0)
                return busy(destination, error);

        r = check_content(destination, destination->root_fd, error);
        if (r >= 0)
                destination->is_locked = true;
        return r;
}

static int use_in_place(Destination *destination, Error *error) {
        destination->is_in_place = true;
        destination->root_fd =
                openat(destination->parent_fd, destination->name,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (destination->root_fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the destination %s", destination->path);
        return lock_in_place(destination, error);
}

/* Makes, locks and notes the staging directory with the root in it. */
static int stage(Destination *destination, Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        int r;

        r = note_in_journal(destination, error);
        if (r < 0)
                return r;

        r = make_staging(destination, &why);
        if (r >= 0)
                return make_root(destination, error);

        if (why.code == 0 && destination->exists && (r == -EACCES || r == -EPERM || r == -EROFS))
                return use_in_place(destination, error);

        if (why.code == 0)
                return error_set_errno(
                        error, -r, "Cannot make a staging directory beside %s", destination->path);
        error_move(error, &why);
        return r;
}

int destination_prepare(Destination *destination, Store *store, Error *error) {
        int r;

        destination->store = store;
        closep(&destination->parent_fd);
        closep(&destination->staging_fd);
        destination->parent_fd = destination->staging_fd = -EBADF;
        if (destination->is_in_place)
                return lock_in_place(destination, error);

        r = make_parents(destination, error);
        if (r >= 0)
                r = open_parent(destination, error);
        if (r < 0)
                return r;

        if (destination->exists && is_mount_point(destination))
                return use_in_place(destination, error);

        return stage(destination, error);
}

int destination_root_fd(const Destination *destination) {
        return destination->root_fd;
}

bool destination_clone_step(const Destination *destination, DestinationStep *ret) {
        if (!destination->exists || destination->is_in_place || !destination->overwrite)
                return false;

        *ret = (DestinationStep){
                .directory_fd = destination->parent_fd,
                .name = destination->name,
                .target = destination->clone_target,
        };
        return true;
}

int destination_commit(Destination *destination, Error *error) {
        unsigned flags = destination->overwrite && destination->exists ? RENAME_EXCHANGE : 0;

        if (!destination->is_in_place &&
            renameat2(
                    destination->staging_fd, DESTINATION_STAGING_ROOT, destination->parent_fd,
                    destination->name, flags) < 0) {
                if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
                        return error_set(
                                error, ENOTEMPTY, ERROR_DESTINATION_NOT_EMPTY,
                                "The destination %s was filled meanwhile", destination->path);
                return error_set_errno(
                        error, errno, "Cannot rename the new tree to %s", destination->path);
        }

        destination->is_committed = true;

        /* There is nothing left in it, unless what was there before is. */
        if (!destination->is_in_place && flags == 0 &&
            unlinkat(destination->parent_fd, destination->staging, AT_REMOVEDIR) >= 0) {
                closep(&destination->staging_fd);
                destination->staging_fd = -EBADF;
        }
        return 0;
}

bool destination_cleanup_step(const Destination *destination, DestinationStep *ret) {
        if (destination->is_in_place) {
                /* With "overwrite", what was there and what is new cannot be told apart. */
                if (destination->is_committed || destination->overwrite || !destination->is_locked)
                        return false;

                *ret = (DestinationStep){ .directory_fd = destination->root_fd, .name = "" };
                return true;
        }

        if (destination->staging_fd < 0)
                return false;

        *ret = (DestinationStep){
                .directory_fd = destination->parent_fd,
                .name = destination->staging,
        };
        return true;
}

void destination_cleaned(Destination *destination) {
        if (destination->journal_id[0] != '\0')
                store_journal_remove(destination->store, destination->journal_id);
        destination->journal_id[0] = '\0';
        if (!destination->is_committed && destination->parent_fd >= 0)
                remove_made_parents(destination);
}

/* Opens and locks what a killed daemon left: returns 0 when there is no such thing. */
static int open_left_over(Destination *destination, bool *ret_is_busy, Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = open_parent(destination, &why);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0) {
                error_move(error, &why);
                return r;
        }

        fd =
                openat(destination->parent_fd, destination->name,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || !is_staging(fd))
                return 0;

        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                *ret_is_busy = true;
                return 0;
        }

        destination->staging_fd = TAKE_FD(fd);
        return 1;
}

int destination_recover(
        Store *store,
        const StoreJournalEntry *entry,
        Destination **ret,
        bool *ret_is_busy,
        Error *error) {
        _cleanup_(destination_freep) Destination *destination = NULL;
        const char *name = strrchr(entry->path, '/');
        int r;

        *ret_is_busy = false;
        if (entry->path[0] != '/' || strncmp(name + 1, STAGING_PREFIX, strlen(STAGING_PREFIX)) != 0)
                return 0;

        destination = malloc(sizeof(*destination));
        if (!destination)
                return error_oom(error);

        *destination = (Destination){
                .path = strdup(entry->path),
                .staging = strdup(name + 1),
                .parent_fd = -EBADF,
                .staging_fd = -EBADF,
                .root_fd = -EBADF,
                .store = store,
        };
        if (!destination->path || !destination->staging)
                return error_oom(error);

        destination->name = strrchr(destination->path, '/') + 1;
        destination->parents_length = (size_t) (destination->name - destination->path);
        r = open_left_over(destination, ret_is_busy, error);
        if (r <= 0)
                return r;

        strcpy(destination->journal_id, entry->id);
        *ret = TAKE_PTR(destination);
        return 1;
}
