/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base-fd.h"
#include "unpack-directory-internal.h"

/* The mode may deny reading even to the owner, who must change the mode first. */
static bool is_hidden(const UnpackDirectory *directory, const struct stat *st) {
        return !directory->privileged && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) &&
               !(st->st_mode & S_IRUSR);
}

static int set_mode(UnpackDir dir, const char *name, mode_t mode, Error *error) {
        if (fchmodat(DIR_FD(dir), name, mode & ALLPERMS, 0) < 0)
                return error_set_errno(error, errno, "Cannot change the mode of \"%s\"", name);
        return 0;
}

static int read_target(UnpackDir dir, const char *name, UnpackMeta *ret, Error *error) {
        char link[PATH_MAX];
        ssize_t n;

        n = readlinkat(DIR_FD(dir), name, link, sizeof(link));
        if (n < 0 || (size_t) n == sizeof(link))
                return error_set_errno(
                        error, n < 0 ? errno : ENAMETOOLONG, "Cannot read the link \"%s\"", name);

        ret->link = strndup(link, (size_t) n);
        return ret->link ? 0 : error_oom(error);
}

static int read_xattrs(
        const UnpackDirectory *directory,
        UnpackDir dir,
        const char *name,
        const struct stat *st,
        UnpackMeta *ret,
        Error *error) {
        const UnpackXattrFile file = { .fd = -EBADF, .path = name };
        const bool hidden = is_hidden(directory, st);
        int r = 0;

        if (fchdir(DIR_FD(dir)) < 0)
                return error_set_errno(error, errno, "Cannot enter a directory");
        if (hidden)
                r = set_mode(dir, name, st->st_mode | S_IRUSR, error);
        if (r < 0)
                return r;

        r = unpack_xattr_read_all(&file, ret, error);
        if (hidden && r >= 0)
                r = set_mode(dir, name, st->st_mode, error);
        return r;
}

int unpack_directory_get_meta(
        UnpackTarget *target, UnpackDir dir, const char *name, UnpackMeta *ret, Error *error) {
        UnpackDirectory *directory = unpack_directory(target);
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        struct stat st;
        int r = 0;

        if (fstatat(DIR_FD(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? -ENOENT
                                       : error_set_errno(error, errno, "Cannot stat \"%s\"", name);

        meta = (UnpackMeta){
                .type = unpack_directory_type(st.st_mode),
                .mode = st.st_mode & ALLPERMS,
                .uid = st.st_uid,
                .gid = st.st_gid,
                .device_major = major(st.st_rdev),
                .device_minor = minor(st.st_rdev),
                .size = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0,
                .atime = st.st_atim,
                .mtime = st.st_mtim,
        };
        if (meta.type == UNPACK_SYMLINK)
                r = read_target(dir, name, &meta, error);
        if (r >= 0)
                r = read_xattrs(directory, dir, name, &st, &meta, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(meta);
        return 0;
}

static int open_file(
        const UnpackDirectory *directory,
        UnpackDir dir,
        const char *name,
        const struct stat *st,
        Error *error) {
        const bool hidden = is_hidden(directory, st);
        _cleanup_(closep) int fd = -EBADF;
        int r, code;

        if (hidden) {
                r = set_mode(dir, name, st->st_mode | S_IRUSR, error);
                if (r < 0)
                        return r;
        }

        fd = openat(DIR_FD(dir), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        code = errno;
        if (hidden) {
                r = set_mode(dir, name, st->st_mode, error);
                if (r < 0)
                        return r;
        }

        return fd < 0 ? error_set_errno(error, code, "Cannot open \"%s\"", name) : TAKE_FD(fd);
}

ssize_t unpack_directory_read_file(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        void *buffer,
        size_t size,
        Error *error) {
        UnpackDirectory *directory = unpack_directory(target);
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;
        ssize_t n;

        if (fstatat(DIR_FD(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? -ENOENT
                                       : error_set_errno(error, errno, "Cannot stat \"%s\"", name);
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        fd = open_file(directory, dir, name, &st, error);
        if (fd < 0)
                return fd;
        n = fd_read_full(fd, buffer, size);
        return n < 0 ? error_set_errno(error, (int) -n, "Cannot read \"%s\"", name) : n;
}
