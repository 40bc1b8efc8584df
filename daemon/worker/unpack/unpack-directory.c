/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "unpack-directory-internal.h"

#define OWNER_ALL 0700u
#define DIR_OPEN  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static void info_from_stat(UnpackInfo *info, const struct stat *st) {
        *info = (UnpackInfo){
                .type = unpack_directory_type(st->st_mode),
                .mode = st->st_mode & ALLPERMS,
                /* The root may contain mount points. */
                .inode = st->st_ino ^ (st->st_dev * UINT64_C(0x9e3779b97f4a7c15)),
                .atime = st->st_atim,
                .mtime = st->st_mtim,
        };
}

static UnpackDir dir_from_fd(int fd, const UnpackInfo *info) {
        UnpackDir dir = fd;

        if (info->mode & S_ISGID)
                dir |= DIR_GIVES_GROUP;
        if (unpack_xattr_has(fd, XATTR_ACL_DEFAULT))
                dir |= DIR_GIVES_ACL;
        return dir;
}

/* A user needs all permissions in a directory to fill it; its mode is restored when it is closed. */
static int widen(const UnpackDirectory *directory, int fd, UnpackInfo *info, Error *error) {
        if (directory->privileged || (info->mode & OWNER_ALL) == OWNER_ALL)
                return 0;
        if (fchmod(fd, info->mode | OWNER_ALL) < 0)
                return error_set_errno(error, errno, "Cannot change a directory's mode");
        info->widened = true;
        return 0;
}

static int on_open_root(UnpackTarget *target, UnpackDir *ret, UnpackInfo *ret_info, Error *error) {
        const UnpackDirectory *directory = unpack_directory(target);
        struct stat st;
        int r;

        if (fstat(directory->root_fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat the root directory");

        info_from_stat(ret_info, &st);
        r = widen(directory, directory->root_fd, ret_info, error);
        if (r < 0)
                return r;

        *ret = dir_from_fd(directory->root_fd, ret_info);
        return 0;
}

/* A user cannot open a directory of mode 000 without changing its mode first. */
static int open_unreadable(int parent_fd, const char *name, mode_t *ret_mode) {
        struct stat st;
        int fd, r;

        if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        if (fchmodat(parent_fd, name, (st.st_mode & ALLPERMS) | OWNER_ALL, 0) < 0)
                return -errno;

        fd = openat(parent_fd, name, DIR_OPEN);
        if (fd < 0) {
                r = -errno;
                if (fchmodat(parent_fd, name, st.st_mode & ALLPERMS, 0) < 0)
                        r = -errno;
                return r;
        }

        *ret_mode = st.st_mode & ALLPERMS;
        return fd;
}

static int on_open_dir(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        UnpackDir *ret,
        UnpackInfo *ret_info,
        Error *error) {
        const UnpackDirectory *directory = unpack_directory(target);
        _cleanup_(closep) int fd = -EBADF;
        mode_t hidden_mode = 0;
        bool hidden = false;
        struct stat st;
        int r;

        fd = openat(DIR_FD(dir), name, DIR_OPEN);
        if (fd < 0 && errno == EACCES && !directory->privileged) {
                hidden = true;
                fd = open_unreadable(DIR_FD(dir), name, &hidden_mode);
                if (fd < 0)
                        errno = -fd;
        }
        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
                return -ENOTDIR;
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot open the directory \"%s\"", name);

        info_from_stat(ret_info, &st);
        if (hidden) {
                ret_info->mode = hidden_mode;
                ret_info->widened = true;
        } else {
                r = widen(directory, fd, ret_info, error);
                if (r < 0)
                        return r;
        }

        *ret = dir_from_fd(TAKE_FD(fd), ret_info);
        return 0;
}

/* The mode as the ACL leaves it, with everything that an unprivileged owner needs. */
static int dir_acls(
        UnpackDirectory *directory,
        int fd,
        const UnpackMeta *meta,
        UnpackInfo *info,
        Error *error) {
        const UnpackXattrFile file = { .fd = fd };
        struct stat st;
        int r;

        r = unpack_xattr_write_acls(
                &directory->target, &directory->xattr_warnings, directory->privileged, &file, meta,
                error);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat a directory");

        info->mode = st.st_mode & ALLPERMS;
        return widen(directory, fd, info, error);
}

/* Applies @meta to a directory with the mode @mode and the owner in @st. */
static int dir_attributes(
        UnpackDirectory *directory,
        int fd,
        const struct stat *st,
        const UnpackMeta *wanted,
        UnpackInfo *info,
        Error *error) {
        const UnpackXattrFile file = { .fd = fd };
        const mode_t had = st->st_mode & ALLPERMS;
        const UnpackMeta *meta;
        UnpackMeta kept;
        int r = 1;

        if (st->st_uid != wanted->uid || st->st_gid != wanted->gid)
                r = directory->privileged ? unpack_directory_set_owner(fd, "", wanted, error) : 0;
        if (r < 0)
                return r;
        kept = unpack_directory_keep(directory, &directory->target.entry, wanted, r > 0);
        meta = &kept;

        r = unpack_xattr_write_all(
                &directory->target, &directory->xattr_warnings, directory->privileged, &file, meta,
                error);
        if (r < 0)
                return r;

        info->mode = meta->mode;
        info->atime = meta->atime;
        info->mtime = meta->mtime;
        info->widened = false;
        if (meta->n_xattrs == 0 && !directory->privileged &&
            (meta->mode & OWNER_ALL) != OWNER_ALL) {
                info->widened = true;
                return 0;
        }
        if (had != meta->mode && fchmod(fd, meta->mode) < 0)
                return error_set_errno(error, errno, "Cannot set the mode of a directory");
        return meta->n_xattrs > 0 ? dir_acls(directory, fd, meta, info, error) : 0;
}

static int on_make_dir(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        UnpackDir *ret,
        UnpackInfo *ret_info,
        Error *error) {
        UnpackDirectory *directory = unpack_directory(target);
        const mode_t mode = directory->privileged ? meta->mode : meta->mode | OWNER_ALL;
        _cleanup_(closep) int fd = -EBADF;
        UnpackXattrFile file;
        struct stat st;
        int r;

        if (mkdirat(DIR_FD(dir), name, mode & ALLPERMS) < 0) {
                if (errno == EEXIST)
                        return -EEXIST;
                return error_set_errno(error, errno, "Cannot create the directory \"%s\"", name);
        }

        fd = openat(DIR_FD(dir), name, DIR_OPEN);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the directory \"%s\"", name);

        file = (UnpackXattrFile){ .fd = fd };
        if (dir & DIR_GIVES_ACL) {
                r = unpack_xattr_clear_acls(&file, true, error);
                if (r < 0)
                        return r;
        }

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat a directory");
        info_from_stat(ret_info, &st);
        r = dir_attributes(directory, fd, &st, meta, ret_info, error);
        if (r < 0)
                return r;

        *ret = meta->n_xattrs > 0 || (meta->mode & S_ISGID) ? dir_from_fd(fd, ret_info) : fd;
        (void) TAKE_FD(fd);
        return 0;
}

static int on_merge_dir(
        UnpackTarget *target,
        UnpackDir *dir,
        const UnpackMeta *meta,
        UnpackInfo *info,
        Error *error) {
        UnpackDirectory *directory = unpack_directory(target);
        const int fd = DIR_FD(*dir);
        struct stat st;
        int r;

        r = unpack_xattr_clear(fd, directory->privileged, error);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat a directory");

        r = dir_attributes(directory, fd, &st, meta, info, error);
        if (r < 0)
                return r;

        *dir = dir_from_fd(fd, info);
        return 0;
}

static int on_close_dir(
        UnpackTarget *target, UnpackDir dir, const UnpackInfo *info, bool touched, Error *error) {
        const UnpackDirectory *directory = unpack_directory(target);
        const struct timespec times[2] = { info->atime, info->mtime };
        const int fd = DIR_FD(dir);
        int code = 0;

        if (info->widened && fchmod(fd, info->mode) < 0)
                code = errno;
        if (touched && futimens(fd, times) < 0)
                code = errno;
        if (fd != directory->root_fd)
                (void) close(fd);

        return code > 0 ? error_set_errno(error, code, "Cannot restore a directory's times") : 0;
}

static int on_look(
        UnpackTarget *target, UnpackDir dir, const char *name, UnpackInfo *ret, Error *error) {
        struct stat st;

        if (fstatat(DIR_FD(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? -ENOENT
                                       : error_set_errno(error, errno, "Cannot stat \"%s\"", name);

        info_from_stat(ret, &st);
        return 0;
}

static int on_read_link(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        char *buffer,
        size_t size,
        Error *error) {
        ssize_t n;

        n = readlinkat(DIR_FD(dir), name, buffer, size);
        if (n < 0)
                return error_set_errno(error, errno, "Cannot read the link \"%s\"", name);
        if ((size_t) n == size)
                return error_set_errno(error, ENAMETOOLONG, "Cannot read the link \"%s\"", name);

        buffer[n] = '\0';
        return 0;
}

static int on_remove(
        UnpackTarget *target, UnpackDir dir, const char *name, bool is_dir, Error *error) {
        if (unlinkat(DIR_FD(dir), name, is_dir ? AT_REMOVEDIR : 0) == 0)
                return 0;
        if (is_dir && (errno == ENOTEMPTY || errno == EEXIST))
                return -ENOTEMPTY;
        return error_set_errno(error, errno, "Cannot remove \"%s\"", name);
}

static int on_link(
        UnpackTarget *target,
        UnpackDir from_dir,
        const char *from_name,
        UnpackDir dir,
        const char *name,
        Error *error) {
        if (linkat(DIR_FD(from_dir), from_name, DIR_FD(dir), name, 0) == 0)
                return 0;
        if (errno == EEXIST || errno == ENOENT)
                return -errno;
        return error_set_errno(error, errno, "Cannot create a hard link");
}

static void on_free(UnpackTarget *target) {
        UnpackDirectory *directory = unpack_directory(target);

        unpack_writeback_free(directory->writeback);
        unpack_directory_rights_done(directory);
        free(directory);
}

static const UnpackTargetOps directory_ops = {
        .open_root = on_open_root,
        .open_dir = on_open_dir,
        .make_dir = on_make_dir,
        .merge_dir = on_merge_dir,
        .close_dir = on_close_dir,
        .look = on_look,
        .read_link = on_read_link,
        .list_open = unpack_directory_list_open,
        .list_next = unpack_directory_list_next,
        .list_close = unpack_directory_list_close,
        .remove = on_remove,
        .make = unpack_directory_make,
        .link = on_link,
        .create = unpack_directory_create_file,
        .write = unpack_directory_write_file,
        .finish = unpack_directory_finish_file,
        .discard = unpack_directory_discard_file,
        .has_independent_files = true,
        .get_meta = unpack_directory_get_meta,
        .read_file = unpack_directory_read_file,
        .sum_up = unpack_directory_sum_up,
        .free = on_free,
};

void unpack_directory_spare(UnpackTarget *target, const char *name) {
        unpack_directory(target)->spared = name;
}

int unpack_directory_write_back(UnpackTarget *target, Error *error) {
        return unpack_writeback_new(&unpack_directory(target)->writeback, error);
}

int unpack_directory_new(int root_fd, bool privileged, UnpackTarget **ret, Error *error) {
        UnpackDirectory *directory;

        directory = calloc(1, sizeof(*directory));
        if (!directory)
                return error_oom(error);

        directory->target.ops = &directory_ops;
        directory->root_fd = root_fd;
        directory->privileged = privileged;
        (void) pthread_mutex_init(&directory->count_lock, NULL);

        (void) umask(0);
        *ret = &directory->target;
        return 0;
}
