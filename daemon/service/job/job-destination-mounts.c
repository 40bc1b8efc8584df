/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Mounts below what is to be overwritten or removed. With a directory that is removed in a mount namespace
 * which does not have them, the kernel silently takes off what is mounted on it in others; and what is
 * overwritten in place would get layers into them, or below. Only the daemon sees them: its workers are in
 * namespaces of their own.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-mounts.h"
#include "job-destination-internal.h"

/* Where the directory @fd is now; NULL when that cannot be told, as of one of another mount namespace. */
static const char *path_of(int fd, char *buffer, size_t size) {
        char link[FD_PATH_MAX];
        ssize_t n = readlink(fd_path(fd, link), buffer, size - 1);
        struct stat mine, there;

        if (n <= 0)
                return NULL;

        buffer[n] = '\0';
        return fstat(fd, &mine) >= 0 && lstat(buffer, &there) >= 0 && mine.st_dev == there.st_dev &&
                               mine.st_ino == there.st_ino
                       ? buffer
                       : NULL;
}

/* Returns how many there are. */
static int find_mounts(const char *path, char **ret_names, Error *error) {
        _cleanup_(closep) int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) char *text = NULL;
        int r = fd < 0 ? -errno : fd_read_all(fd, MOUNTINFO_MAX, &text, NULL);

        if (r >= 0)
                r = mounts_below(text, path, ret_names);
        return r < 0 ? error_set_errno(error, -r, "Cannot find out what is mounted in %s", path)
                     : r;
}

int job_destination_check_mounts(const JobDestination *destination, Error *error) {
        _cleanup_(freep) char *names = NULL;
        const char *path = destination->path;
        char buffer[PATH_MAX];
        int r;

        if (!destination->overwrite || !destination->exists)
                return 0;

        /* One that was handed over may be elsewhere than its path says. */
        if (destination->is_in_place && destination->root_fd >= 0)
                path = path_of(destination->root_fd, buffer, sizeof(buffer));
        r = path ? find_mounts(path, &names, error) : 0;
        if (r > 0)
                return error_set(
                        error, EBUSY, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be overwritten: something is mounted in it, on %s",
                        destination->path, names);
        return r;
}

int job_destination_check_step(const JobDestinationStep *step, Error *error) {
        _cleanup_(freep) char *names = NULL;
        char buffer[PATH_MAX];
        const char *path = path_of(step->directory_fd, buffer, sizeof(buffer));
        int r;

        r = path && !step->target ? find_mounts(path, &names, error) : 0;
        if (r > 0)
                return error_set(
                        error, EBUSY, ERROR_FAILED,
                        "Cannot remove what is in %s: something is mounted on %s", path, names);
        return r;
}
