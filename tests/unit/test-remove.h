/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "tree-remove.h"

/* As those do who call it: the directory itself goes when it is empty. */
static inline int remove_tree(int dir_fd, const char *name, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        /* One's own, which nobody may enter. */
        if (faccessat(dir_fd, name, R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) < 0)
                (void) !fchmodat(dir_fd, name, 0700, 0);
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = tree_empty(fd, "", error);
        if (r < 0)
                return r;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}
