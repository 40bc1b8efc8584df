/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "worker-remove.h"

/* Opens a directory for removing what is in it; one without the permissions for that gets them. */
static int open_to_empty(int dir_fd, const char *name) {
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 && errno == EACCES && fchmodat(dir_fd, name, 0700, 0) >= 0)
                fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Removes an entry: returns 1 when it is a directory that is not empty. */
static int remove_entry(int dir_fd, const struct dirent *entry) {
        if (entry->d_type != DT_DIR && unlinkat(dir_fd, entry->d_name, 0) >= 0)
                return 0;
        if (entry->d_type != DT_DIR && errno != EISDIR)
                return errno == ENOENT ? 0 : -errno;
        if (unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        return errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
}

static bool is_dot(const char *name) {
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Removes what can be removed: returns 1 with the first directory that has something in it open. */
static int remove_entries(int dir_fd, int *ret_fd) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        bool has_retried = false;
        int fd;

        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* It may be that it can be read, but not entered. */
        if (fd < 0 && errno == EACCES && fchmod(dir_fd, 0700) >= 0)
                fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                (void) close(fd);
                return -ENOMEM;
        }

        for (;;) {
                int r;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno;

                r = is_dot(entry->d_name) ? 0 : remove_entry(dir_fd, entry);
                /* It may be that the directory itself cannot be written to. */
                if (r == -EACCES && !has_retried && fchmod(dir_fd, 0700) >= 0) {
                        has_retried = true;
                        r = remove_entry(dir_fd, entry);
                }
                if (r < 0)
                        return r;
                if (r > 0) {
                        fd = open_to_empty(dir_fd, entry->d_name);
                        if (fd < 0)
                                return fd;
                        *ret_fd = fd;
                        return 1;
                }
        }
}

int worker_empty_tree(int dir_fd, Error *error) {
        _cleanup_(closep) int current = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
        uint64_t depth = 0;
        int r = current < 0 ? -errno : 0;

        /* Down into the first directory that is not empty, and up again when it is: nobody else moves
         * directories here, so that ".." is where it came from. */
        while (r >= 0) {
                int next = -EBADF;

                r = remove_entries(current, &next);
                if (r == 0 && depth == 0)
                        return 0;
                if (r == 0)
                        next = openat(current, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (r >= 0 && next < 0)
                        r = -errno;
                if (r < 0)
                        break;

                depth = r > 0 ? depth + 1 : depth - 1;
                (void) close(current);
                current = next;
        }

        return error_set_errno(error, -r, "Cannot remove a tree");
}

int worker_remove_tree(int dir_fd, const char *name, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (unlinkat(dir_fd, name, 0) >= 0 || errno == ENOENT)
                return 0;

        fd = open_to_empty(dir_fd, name);
        if (fd < 0)
                return error_set_errno(error, -fd, "Cannot open %s to remove it", name);

        r = worker_empty_tree(fd, error);
        if (r < 0)
                return r;

        if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Cannot remove %s", name);
        return 0;
}
