/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who can reach a tree. */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "job-destination-internal.h"

static bool is_same(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool job_destination_lends_rights(const JobDestination *destination) {
        _cleanup_(closep) int fd = -EBADF;
        struct statvfs vfs;
        struct stat st, above;

        if (destination->is_file)
                return false;
        if (fstatvfs(destination->root_fd, &vfs) >= 0 && (vfs.f_flag & ST_NOSUID))
                return false;
        if (fstat(destination->root_fd, &st) < 0)
                return true;

        /* A directory that cannot be checked is not a reliable wall. */
        while (st.st_mode & S_IXOTH) {
                int parent =
                        openat(fd >= 0 ? fd : destination->root_fd, "..",
                               O_PATH | O_DIRECTORY | O_CLOEXEC);

                closep(&fd);
                fd = parent;
                if (fd < 0 || fstat(fd, &above) < 0 || is_same(&st, &above))
                        return true;
                st = above;
        }

        return false;
}
