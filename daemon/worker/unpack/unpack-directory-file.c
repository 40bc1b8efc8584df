/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base-fd.h"
#include "unpack-directory-internal.h"
#include "unpack-path.h"

#define PERMISSIONS 0777u
#define SPECIAL     07000u /* setuid, setgid, sticky */

/* Where new files are written. */
struct UnpackFile {
        int fd;        /* owned */
        UnpackDir dir; /* how its directory makes new things differ; the descriptor may be closed */
        uint32_t mode; /* what it was created with */
        bool wants_owner;
        uint64_t end; /* bytes, so far */
};

/* New files usually get the process's ids, but mounts can differ: bsdgroups, idmapped ones. */
static int learn_owner(UnpackDirectory *directory, int fd, Error *error) {
        struct stat st;

        if (directory->knows_owner)
                return 0;
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat a new file");

        directory->new_uid = st.st_uid;
        directory->new_gid = st.st_gid;
        directory->knows_owner = true;
        return 0;
}

static bool wants_owner(const UnpackDirectory *directory, UnpackDir dir, const UnpackMeta *meta) {
        if (!directory->privileged)
                return false;
        return !directory->knows_owner || (dir & DIR_GIVES_GROUP) ||
               meta->uid != directory->new_uid || meta->gid != directory->new_gid;
}

/* The mode for open(): a user cannot set xattrs of a file without permission to write it. */
static uint32_t first_mode(const UnpackDirectory *directory, const UnpackMeta *meta) {
        return !directory->privileged && meta->n_xattrs > 0 ? 0600 : meta->mode & PERMISSIONS;
}

static UnpackFile *file_free(UnpackFile *file) {
        if (file) {
                closep(&file->fd);
                free(file);
        }
        return NULL;
}

DEFINE_CLEANUP(UnpackFile, file_free);

int unpack_directory_create_file(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        UnpackFile **ret,
        Error *error) {
        UnpackDirectory *directory = unpack_directory(target);
        _cleanup_(file_freep) UnpackFile *file = NULL;
        int r;

        file = malloc(sizeof(*file));
        if (!file)
                return error_oom(error);

        *file = (UnpackFile){ .fd = -EBADF, .dir = dir, .mode = first_mode(directory, meta) };
        file->fd =
                openat(DIR_FD(dir), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       file->mode);
        if (file->fd < 0 && errno == EEXIST)
                return -EEXIST;
        if (file->fd < 0)
                return error_set_errno(error, errno, "Cannot create a file");

        r = dir & DIR_GIVES_GROUP ? 0 : learn_owner(directory, file->fd, error);
        if (r < 0)
                return r;

        file->wants_owner = wants_owner(directory, dir, meta);
        *ret = TAKE_PTR(file);
        return 0;
}

int unpack_directory_write_file(
        UnpackTarget *target,
        UnpackFile *file,
        uint64_t offset,
        const void *data,
        size_t size,
        Error *error) {
        int r;

        if (offset > INT64_MAX - size)
                return error_set(error, EFBIG, ERROR_CORRUPT_ARCHIVE, "The file is too large");

        file->end = offset + size;
        r = fd_pwrite_full(file->fd, data, size, offset);
        return r < 0 ? error_set_errno(error, -r, "Cannot write a file") : 0;
}

/* Writing and changing the owner clear setuid and capabilities: set these last. */
static int finish_attributes(
        UnpackDirectory *directory,
        const UnpackFile *file,
        const UnpackEntry *entry,
        const UnpackMeta *wanted,
        Error *error) {
        const UnpackXattrFile xattrs = { .fd = file->fd };
        const UnpackMeta *meta;
        UnpackMeta kept;
        int r;

        r = file->wants_owner ? unpack_directory_set_owner(file->fd, "", wanted, error)
                              : unpack_directory_is_owned(directory, wanted);
        if (r < 0)
                return r;
        kept = unpack_directory_keep(directory, entry, wanted, r > 0);
        meta = &kept;

        if (file->dir & DIR_GIVES_ACL) {
                r = unpack_xattr_clear_acls(&xattrs, false, error);
                if (r < 0)
                        return r;
        }

        r = unpack_xattr_write_all(
                &directory->target, &directory->xattr_warnings, directory->privileged, &xattrs,
                meta, error);
        if (r < 0)
                return r;

        /* A removed ACL had changed the permissions. */
        if ((meta->mode != file->mode || (file->dir & DIR_GIVES_ACL)) &&
            fchmod(file->fd, meta->mode) < 0)
                return error_set_errno(error, errno, "Cannot set the mode of a file");
        return unpack_xattr_write_acls(
                &directory->target, &directory->xattr_warnings, directory->privileged, &xattrs,
                meta, error);
}

int unpack_directory_finish_file(
        UnpackTarget *target,
        UnpackFile *taken,
        const UnpackEntry *entry,
        const UnpackMeta *meta,
        Error *error) {
        const struct timespec times[2] = { meta->atime, meta->mtime };
        _cleanup_(file_freep) UnpackFile *file = taken;
        int r;

        if (meta->size > INT64_MAX)
                return error_set(error, EFBIG, ERROR_CORRUPT_ARCHIVE, "The file is too large");
        if (file->end < meta->size && ftruncate(file->fd, (off_t) meta->size) < 0)
                return error_set_errno(
                        error, errno, "Cannot set the size of a file to %" PRIu64 " bytes",
                        meta->size);

        r = finish_attributes(unpack_directory(target), file, entry, meta, error);
        if (r < 0)
                return r;
        if (futimens(file->fd, times) < 0)
                return error_set_errno(error, errno, "Cannot set the times of a file");
        if (unpack_directory(target)->writeback)
                unpack_writeback_start(unpack_directory(target)->writeback, file->fd, meta->size);
        if (close(TAKE_FD(file->fd)) < 0)
                return error_set_errno(error, errno, "Cannot write a file");
        return 0;
}

void unpack_directory_discard_file(UnpackTarget *target, UnpackFile *file) {
        (void) file_free(file);
}

static int make_node(
        UnpackDirectory *directory,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        Error *error) {
        static const mode_t types[_UNPACK_TYPE_MAX] = {
                [UNPACK_CHARACTER_DEVICE] = S_IFCHR,
                [UNPACK_BLOCK_DEVICE] = S_IFBLK,
                [UNPACK_FIFO] = S_IFIFO,
        };
        const mode_t type = types[meta->type];
        int code = 0;

        if (meta->type == UNPACK_SYMLINK) {
                if (symlinkat(meta->link, DIR_FD(dir), name) == 0)
                        return 0;
                return errno == EEXIST ? -EEXIST
                                       : error_set_errno(error, errno, "Cannot create a link");
        }

        assert(type != 0);
        if (type != S_IFIFO && !directory->privileged)
                code = EPERM;
        else if (
                mknodat(DIR_FD(dir), name, type | (meta->mode & PERMISSIONS),
                        makedev(meta->device_major, meta->device_minor)) < 0)
                code = errno;

        if (code == EEXIST)
                return -EEXIST;
        if (code == EPERM && type != S_IFIFO) {
                unpack_directory_lose(directory, &directory->target.entry, DIRECTORY_LOSS_NODE);
                return 1;
        }
        return code > 0 ? error_set_errno(error, code, "Cannot create a device node") : 0;
}

static int set_mode(UnpackDir dir, const char *name, const UnpackMeta *meta, Error *error) {
        if (meta->type == UNPACK_SYMLINK || fchmodat(DIR_FD(dir), name, meta->mode, 0) == 0)
                return 0;
        return error_set_errno(error, errno, "Cannot set the mode of a device node");
}

static int make_xattrs(
        UnpackDirectory *directory,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        Error *error) {
        const UnpackXattrFile file = { .fd = -EBADF, .path = name };
        int r = 0;

        /* No system call takes a directory and a name for these, and the sandbox has no /proc. */
        if (fchdir(DIR_FD(dir)) < 0)
                return error_set_errno(error, errno, "Cannot enter a directory");
        if ((dir & DIR_GIVES_ACL) && meta->type != UNPACK_SYMLINK)
                r = unpack_xattr_clear_acls(&file, false, error);
        if (r < 0)
                return r;

        r = unpack_xattr_write_all(
                &directory->target, &directory->xattr_warnings, directory->privileged, &file, meta,
                error);
        if (r >= 0)
                r = set_mode(dir, name, meta, error);
        if (r < 0)
                return r;
        return unpack_xattr_write_acls(
                &directory->target, &directory->xattr_warnings, directory->privileged, &file, meta,
                error);
}

int unpack_directory_make(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *wanted,
        Error *error) {
        UnpackDirectory *directory = unpack_directory(target);
        const struct timespec times[2] = { wanted->atime, wanted->mtime };
        const bool closes = unpack_directory_closes(directory, wanted);
        UnpackMeta kept = closes ? unpack_directory_close(directory, wanted) : *wanted;
        const UnpackMeta *meta = &kept;
        int r;

        r = make_node(directory, dir, name, meta, error);
        if (r != 0)
                return r;

        r = wants_owner(directory, dir, meta)
                    ? unpack_directory_set_owner(DIR_FD(dir), name, meta, error)
                    : unpack_directory_is_owned(directory, meta);
        if (r < 0)
                return r;
        kept = unpack_directory_keep(directory, &directory->target.entry, meta, r > 0);
        if (closes)
                unpack_directory_lose(directory, &directory->target.entry, DIRECTORY_LOSS_OPENNESS);

        if (meta->n_xattrs > 0 || (dir & DIR_GIVES_ACL))
                r = make_xattrs(directory, dir, name, meta, error);
        else if (meta->mode & SPECIAL)
                r = set_mode(dir, name, meta, error);
        if (r < 0)
                return r;

        if (utimensat(DIR_FD(dir), name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(error, errno, "Cannot set times");
        return 0;
}
