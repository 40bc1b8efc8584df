/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "worker-clone.h"

#define XATTRS_MAX                                                                                 \
        ((size_t) 64 << 10) /* bytes, of the names and of a value; the kernel's own limit */

/* A directory whose entries are being cloned; the stack of them is the path from the top. */
typedef struct Level {
        DIR *from; /* owned */
        int to_fd; /* owned */
} Level;

typedef struct Clone {
        Level levels[TREE_CLONE_DEPTH_MAX];
        size_t depth;
} Clone;

static Clone *clone_free(Clone *clone) {
        if (!clone)
                return NULL;

        while (clone->depth > 0) {
                Level *level = &clone->levels[--clone->depth];

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

                /* What a caller without privileges may not write was not written by it either. */
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

static int descend(Clone *clone, int from_dir, const char *from, int to_dir, const char *to) {
        _cleanup_(closep) int from_fd = open_dir(from_dir, from), to_fd = -EBADF;
        DIR *dir;

        if (from_fd < 0)
                return -errno;
        to_fd = open_dir(to_dir, to);
        if (to_fd < 0)
                return -errno;

        dir = fdopendir(from_fd);
        if (!dir)
                return -ENOMEM;

        (void) TAKE_FD(from_fd);
        clone->levels[clone->depth++] = (Level){ .from = dir, .to_fd = TAKE_FD(to_fd) };
        return 0;
}

/* Clones one entry of the innermost directory. */
static int clone_entry(Clone *clone, const char *name, Error *error) {
        Level *level = &clone->levels[clone->depth - 1];
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
                        "The destination has more than %zu directories inside each other",
                        TREE_CLONE_DEPTH_MAX);
        if (mkdirat(level->to_fd, name, 0700) < 0)
                return error_set_errno(
                        error, errno, "Cannot make a copy of the directory %s", name);

        r = descend(clone, from_fd, name, level->to_fd, name);
        return r < 0 ? error_set_errno(error, -r, "Cannot copy the directory %s", name) : 0;
}

static int ascend(Clone *clone, Error *error) {
        Level *level = &clone->levels[--clone->depth];
        int r;

        r = copy_attributes(dirfd(level->from), level->to_fd);
        (void) closedir(level->from);
        closep(&level->to_fd);
        return r < 0 ? error_set_errno(error, -r, "Cannot copy the attributes of a directory") : 0;
}

static bool is_dot(const char *name) {
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int worker_clone_tree(int dir_fd, const char *name, const char *target, Error *error) {
        _cleanup_(clone_freep) Clone *clone = NULL;
        int r;

        clone = calloc(1, sizeof(*clone));
        if (!clone)
                return error_oom(error);

        r = descend(clone, dir_fd, name, dir_fd, target);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot open what is to be overwritten");

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
