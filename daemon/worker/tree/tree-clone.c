/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "tree-clone.h"

#define XATTRS_MAX                                                                                 \
        ((size_t) 64 << 10) /* bytes, of the names and of a value; the kernel's own limit */

/* A directory whose entries are being cloned, or checked; the stack of these is the path from the top. */
typedef struct CloneLevel {
        DIR *from;     /* owned */
        int to_fd;     /* owned; -EBADF when only checking */
        size_t length; /* of the path from the top */
} CloneLevel;

typedef struct Clone {
        CloneLevel levels[TREE_CLONE_DEPTH_MAX];
        size_t depth;
        char path[PATH_MAX]; /* of the entry being checked, from the top; for messages, truncated */
} Clone;

static Clone *clone_free(Clone *clone) {
        if (!clone)
                return NULL;

        while (clone->depth > 0) {
                CloneLevel *level = &clone->levels[--clone->depth];

                (void) closedir(level->from);
                closep(&level->to_fd);
        }
        free(clone);
        return NULL;
}
DEFINE_CLEANUP(Clone, clone_free);

static int copy_xattrs(int from_fd, int to_fd) {
        _cleanup_(freep) char *names = malloc(XATTRS_MAX), *value = malloc(XATTRS_MAX);
        ssize_t size;

        if (!names || !value)
                return -ENOMEM;

        size = flistxattr(from_fd, names, XATTRS_MAX);
        if (size < 0)
                return errno == EOPNOTSUPP ? 0 : -errno;

        for (char *name = names; name < names + size; name += strlen(name) + 1) {
                ssize_t n = fgetxattr(from_fd, name, value, XATTRS_MAX);

                /* A caller without privileges did not write what it may not write. */
                if (n >= 0 && fsetxattr(to_fd, name, value, (size_t) n, 0) < 0 && errno != EPERM &&
                    errno != EOPNOTSUPP)
                        return -errno;
        }

        return 0;
}

/* The owner first, since it clears bits of the mode; the times last. */
static int copy_attributes(int from_fd, int to_fd) {
        struct stat st;
        int r;

        if (fstat(from_fd, &st) < 0)
                return -errno;
        if (fchown(to_fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
                return -errno;

        r = copy_xattrs(from_fd, to_fd);
        if (r < 0)
                return r;

        if (fchmod(to_fd, st.st_mode & 07777) < 0 ||
            futimens(to_fd, (struct timespec[]){ st.st_atim, st.st_mtim }) < 0)
                return -errno;
        return 0;
}

static int open_dir(int dir_fd, const char *name) {
        return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Takes over @to_fd. */
static int enter(Clone *clone, int from_dir, const char *from, int to_fd) {
        _cleanup_(closep) int from_fd = open_dir(from_dir, from), taken_fd = to_fd;
        DIR *dir;

        if (from_fd < 0)
                return -errno;
        dir = fdopendir(from_fd);
        if (!dir)
                return -ENOMEM;

        (void) TAKE_FD(from_fd);
        clone->levels[clone->depth++] = (CloneLevel){
                .from = dir,
                .to_fd = TAKE_FD(taken_fd),
                .length = strlen(clone->path),
        };
        return 0;
}

static int descend(Clone *clone, int from_dir, const char *from, int to_dir, const char *to) {
        int to_fd = open_dir(to_dir, to);

        return to_fd < 0 ? -errno : enter(clone, from_dir, from, to_fd);
}

/* Clones one entry of the innermost directory. */
static int clone_entry(Clone *clone, const char *name, Error *error) {
        CloneLevel *level = &clone->levels[clone->depth - 1];
        int from_fd = dirfd(level->from), r;
        struct statx sx;

        if (statx(from_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
                return error_set_errno(error, errno, "Cannot stat %s", name);
        if (sx.stx_attributes & sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
                return error_set(
                        error, EXDEV, ERROR_INVALID_DESTINATION,
                        "The destination cannot be overwritten: something is mounted on its %s",
                        name);

        if (!S_ISDIR(sx.stx_mode)) {
                if (linkat(from_fd, name, level->to_fd, name, 0) < 0)
                        return error_set_errno(error, errno, "Cannot link %s", name);
                return 0;
        }

        if (clone->depth == TREE_CLONE_DEPTH_MAX)
                return error_set(
                        error, ELOOP, ERROR_LIMIT_EXCEEDED,
                        "The destination is more than %zu directories deep", TREE_CLONE_DEPTH_MAX);
        if (mkdirat(level->to_fd, name, 0700) < 0)
                return error_set_errno(
                        error, errno, "Cannot create a copy of the directory %s", name);

        r = descend(clone, from_fd, name, level->to_fd, name);
        return r < 0 ? error_set_errno(error, -r, "Cannot copy the directory %s", name) : 0;
}

static int ascend(Clone *clone, Error *error) {
        CloneLevel *level = &clone->levels[--clone->depth];
        int r;

        r = copy_attributes(dirfd(level->from), level->to_fd);
        (void) closedir(level->from);
        closep(&level->to_fd);
        return r < 0 ? error_set_errno(error, -r, "Cannot copy the attributes of a directory") : 0;
}

static bool is_dot(const char *name) {
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Changes from now on must get a later time than previous ones: file systems have a coarse clock. */
static void wait_for_tick(void) {
        const struct timespec pause = { .tv_nsec = 1000000 };
        struct timespec begin, now;

        (void) clock_gettime(CLOCK_REALTIME_COARSE, &begin);
        do {
                (void) nanosleep(&pause, NULL);
                (void) clock_gettime(CLOCK_REALTIME_COARSE, &now);
        } while (now.tv_sec == begin.tv_sec && now.tv_nsec == begin.tv_nsec);
}

int tree_clone(int dir_fd, const char *name, const char *target, Error *error) {
        _cleanup_(clone_freep) Clone *clone = NULL;
        int r;

        clone = calloc(1, sizeof(*clone));
        if (!clone)
                return error_oom(error);

        wait_for_tick();
        r = descend(clone, dir_fd, name, dir_fd, target);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot open the destination that is being overwritten");

        while (r >= 0 && clone->depth > 0) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(clone->levels[clone->depth - 1].from);
                if (!entry && errno != 0)
                        r = error_set_errno(error, errno, "Cannot read a directory");
                else if (!entry)
                        r = ascend(clone, error);
                else if (!is_dot(entry->d_name))
                        r = clone_entry(clone, entry->d_name, error);
        }

        return r;
}

static uint64_t nsec_of(const struct statx_timestamp *time) {
        return (uint64_t) time->tv_sec * 1000000000U + time->tv_nsec;
}

static int changed(const char *path, Error *error) {
        return error_set(
                error, EBUSY, ERROR_DESTINATION_BUSY,
                "The destination was changed while it was being overwritten, in its directory %s; it was "
                "not overwritten. Try again when nobody else is working in it",
                path[0] == '\0' ? "/" : path);
}

/* Checks one entry of the innermost directory. */
static int check_entry(Clone *clone, const char *name, uint64_t cloned, Error *error) {
        CloneLevel *level = &clone->levels[clone->depth - 1];
        int from_fd = dirfd(level->from), r;
        struct statx sx;

        if (statx(from_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_CTIME,
                  &sx) < 0)
                return errno == ENOENT ? changed(clone->path, error)
                                       : error_set_errno(error, errno, "Cannot stat %s", name);
        if (!S_ISDIR(sx.stx_mode))
                return 0;

        (void) snprintf(
                clone->path + level->length, sizeof(clone->path) - level->length, "/%s", name);
        if (nsec_of(&sx.stx_ctime) > cloned || clone->depth == TREE_CLONE_DEPTH_MAX)
                return changed(clone->path, error);

        r = enter(clone, from_fd, name, -EBADF);
        return r < 0 ? error_set_errno(error, -r, "Cannot enter the directory %s", name) : 0;
}

static void leave(Clone *clone) {
        (void) closedir(clone->levels[--clone->depth].from);
        if (clone->depth > 0)
                clone->path[clone->levels[clone->depth - 1].length] = '\0';
}

/* The top itself has since been renamed, which changes its ctime, so check its mtime. */
int tree_clone_check(
        int dir_fd, const char *name, uint64_t cloned, uint64_t modified, Error *error) {
        _cleanup_(clone_freep) Clone *clone = calloc(1, sizeof(*clone));
        struct statx sx;
        int r;

        if (!clone)
                return error_oom(error);
        if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MTIME, &sx) < 0)
                return error_set_errno(error, errno, "Cannot stat the overwritten destination");
        if (nsec_of(&sx.stx_mtime) != modified)
                return changed("", error);

        r = enter(clone, dir_fd, name, -EBADF);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot open the overwritten destination");

        while (r >= 0 && clone->depth > 0) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(clone->levels[clone->depth - 1].from);
                if (!entry && errno != 0)
                        r = error_set_errno(error, errno, "Cannot read a directory");
                else if (!entry)
                        leave(clone);
                else if (!is_dot(entry->d_name))
                        r = check_entry(clone, entry->d_name, cloned, error);
        }

        return r;
}
