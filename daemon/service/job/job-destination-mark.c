/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How a daemon recognizes the leftovers of another: they contain a file whose name nobody can guess, and which is in
 * the journal. It is created before anything else and removed after everything else, so a directory without a mark is
 * not ours to empty.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"

bool job_destination_is_staging(int fd) {
        struct stat st;

        /* A directory inherits the setgid bit of its parent. */
        return fstat(fd, &st) >= 0 && st.st_uid == geteuid() &&
               (st.st_mode & ACCESSPERMS) == 0700 && st.st_nlink > 0;
}

int job_destination_identify(int fd, StoreJournalEntry *entry, Error *error) {
        struct statvfs vfs;
        struct stat st;

        if (fstat(fd, &st) < 0 || fstatvfs(fd, &vfs) < 0)
                return error_set_errno(error, errno, "Cannot look at the destination");

        entry->device = st.st_dev;
        entry->file_system = vfs.f_fsid;
        entry->inode = st.st_ino;
        return 0;
}

/* After a reboot, devices may have different numbers, and a number may belong to a different file system: it
 * counts only if there is no id. */
bool job_destination_is_file_system(int fd, const StoreJournalEntry *entry) {
        struct statvfs vfs;
        struct stat st;

        if (fstat(fd, &st) < 0 || fstatvfs(fd, &vfs) < 0)
                return false;
        return vfs.f_fsid == entry->file_system && (vfs.f_fsid != 0 || st.st_dev == entry->device);
}

char *job_destination_name_mark(const char *id, char ret[static MARK_NAME_MAX]) {
        (void) snprintf(ret, MARK_NAME_MAX, STAGING_PREFIX "%s", id);
        return ret;
}

int job_destination_sync(const JobDestination *destination, int fd) {
        return destination->entry.no_sync ? 0 : fd_sync(fd);
}

int job_destination_make_mark(JobDestination *destination, int fd, Error *error) {
        _cleanup_(closep) int mark_fd = -EBADF;
        char name[MARK_NAME_MAX];
        int r;

        mark_fd =
                openat(fd, job_destination_name_mark(destination->entry.id, name),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (mark_fd < 0)
                return error_set_errno(
                        error, errno, "Cannot mark the destination %s", destination->path);

        strcpy(destination->mark, name);
        r = job_destination_sync(destination, mark_fd);
        if (r >= 0)
                r = job_destination_sync(destination, fd);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot mark the destination %s", destination->path);
        return 0;
}

bool job_destination_has_mark(int fd, const char *name) {
        struct stat st;

        return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISREG(st.st_mode) &&
               (st.st_mode & 07777) == 0600 && st.st_uid == geteuid() && st.st_nlink == 1 &&
               st.st_size == 0;
}

int job_destination_remove_mark(JobDestination *destination, int fd, Error *error) {
        int r = job_destination_sync(destination, fd);

        if (r >= 0 && destination->mark[0] != '\0' && unlinkat(fd, destination->mark, 0) < 0 &&
            errno != ENOENT)
                r = -errno;
        if (r >= 0)
                r = job_destination_sync(destination, fd);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot remove the mark of the destination %s",
                        destination->path);

        destination->mark[0] = '\0';
        return 0;
}
