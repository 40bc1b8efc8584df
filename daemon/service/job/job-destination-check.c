/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks of a destination before anything is created. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"
#include "job-owners.h"

bool job_destination_is_mount_root(int dir_fd, const char *name) {
        struct statx sx;

        return statx(dir_fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                     STATX_TYPE, &sx) == 0 &&
               (sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
               (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool job_destination_is_empty(int dir_fd) {
        bool is_mount = job_destination_is_mount_root(dir_fd, "");
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        bool empty = true;

        if (dir_open(dir_fd, &dir) < 0)
                return false;

        /* A new file system counts as empty, despite what mkfs creates. */
        errno = 0;
        while (empty && (entry = readdir(dir)))
                empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                        (is_mount && strcmp(entry->d_name, "lost+found") == 0);
        return empty && errno == 0;
}

bool job_destination_is_mapped(const JobDestination *destination, int fd) {
        struct stat st;

        return destination->maps_owners && fstat(fd, &st) >= 0 && job_owners_has(st.st_uid);
}

/* A directory that stays where it is cannot be replaced in one step. */
static int check_replaceable(const JobDestination *destination, int fd, Error *error) {
        if (job_destination_is_empty(fd))
                return 0;
        if (job_destination_is_mount_root(fd, ""))
                return error_set(
                        error, EBUSY, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be replaced: it is a mount point; empty it, or replace a "
                        "directory in it",
                        destination->path);
        if (destination->is_in_place)
                return error_set(
                        error, EACCES, ERROR_ACCESS_DENIED,
                        "The destination %s cannot be replaced: nothing can be created beside it",
                        destination->path);
        return 0;
}

static int check_content(const JobDestination *destination, int fd, Error *error) {
        int r;

        r = destination->replaces ? check_replaceable(destination, fd, error) : 0;
        if (r < 0)
                return r;
        if (!destination->overwrite && !destination->replaces && !job_destination_is_empty(fd))
                return error_set(
                        error, ENOTEMPTY, ERROR_DESTINATION_NOT_EMPTY,
                        "The destination %s is not empty; use a new or empty directory, --overwrite to "
                        "merge into it, or --replace to exchange it for the new tree",
                        destination->path);
        if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 &&
            (errno != EACCES || !job_destination_is_mapped(destination, fd)))
                return error_set_errno(
                        error, errno, "Cannot write to the destination %s", destination->path);
        return job_destination_check_mounts(destination, error);
}

/* Whether anybody besides the owner may write. The group's bits are also the mask of an ACL. */
static bool is_open_to_others(int fd, const struct stat *st) {
        return (st->st_mode & S_IWOTH) ||
               ((st->st_mode & S_IWGRP) &&
                (st->st_gid != 0 || fgetxattr(fd, "system.posix_acl_access", NULL, 0) > 0));
}

/*
 * The new root belongs to its owner, who may replace everything in it. Root permits that for a user for whom an
 * administrator has prepared the directory: if nobody else may write there, only root can have done so. The owners
 * of directories further up do not matter: they could rename the finished tree as well, and nothing is done outside
 * of the held directory.
 */
int job_destination_check_owner(const JobDestination *destination, int fd, Error *error) {
        _cleanup_(closep) int above_fd = -EBADF;
        struct stat st, above;

        if (geteuid() != 0)
                return 0;

        above_fd = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (above_fd < 0 || fstat(fd, &st) < 0 || fstat(above_fd, &above) < 0)
                return error_set_errno(
                        error, errno, "Cannot look at the destination %s", destination->path);
        if (is_open_to_others(fd, &st))
                return error_set(
                        error, EPERM, ERROR_INVALID_DESTINATION,
                        "Users other than its owner may write to the destination %s (mode %04o), and so to "
                        "the new tree; revoke that (chmod go-w), or use a new directory",
                        destination->path, st.st_mode & 07777);
        if (st.st_uid != 0 && (above.st_uid != 0 || is_open_to_others(above_fd, &above)))
                return error_set(
                        error, EPERM, ERROR_INVALID_DESTINATION,
                        "The destination %s belongs to user %u, in a directory where users other than root "
                        "may create one: the new tree would be theirs; give it to root (chown), or use a "
                        "new directory",
                        destination->path, st.st_uid);
        return 0;
}

int job_destination_check_file(const JobDestination *destination, Error *error) {
        if (!destination->exists)
                return 0;

        if (job_destination_is_mount_root(destination->base_fd, destination->name))
                return error_set(
                        error, EBUSY, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be replaced: it is a mount point",
                        destination->path);
        if (!destination->replaces)
                return error_set(
                        error, EEXIST, ERROR_DESTINATION_NOT_EMPTY,
                        "The destination %s exists; use another name, or --replace to exchange it for the "
                        "new disk image",
                        destination->path);
        return 0;
}

int job_destination_check_existing(const JobDestination *destination, int fd, Error *error) {
        int r = check_content(destination, fd, error);

        return r < 0 ? r : job_destination_check_owner(destination, fd, error);
}
