/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "sandbox-root.h"

int sandbox_root_new(void) {
        _cleanup_(closep) int context = (int) syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), fd = -1;

        if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = (int) syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
        if (fd < 0 || syscall(SYS_move_mount, fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* On most systems links in the root lead to programs and libraries. */
static bool is_link_to_usr(int root_fd, const char *path) {
        char target[NAME_MAX + 1];
        ssize_t n;

        if (strchr(path + 1, '/'))
                return false;
        n = readlink(path, target, sizeof(target) - 1);
        if (n < 0)
                return false;
        target[n] = '\0';
        return strncmp(target + (target[0] == '/'), "usr/", strlen("usr/")) == 0 &&
               (symlinkat(target, root_fd, path + 1) >= 0 || errno == EEXIST);
}

/* In a directory of the new root itself: EXDEV if it is one of the host's. */
static int enter(int *dir_fd, const char *name) {
        const struct open_how how = {
                .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
        };
        int fd;

        if (mkdirat(*dir_fd, name, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = (int) syscall(SYS_openat2, *dir_fd, name, &how, sizeof(how));
        if (fd < 0)
                return -errno;

        (void) close(*dir_fd);
        *dir_fd = fd;
        return 0;
}

/* Returns 1 with the directory for @path and its name there, 0 if it is not needed, or a negative errno. */
static int make_parents(int root_fd, const char *path, int *ret_fd, char name[NAME_MAX + 1]) {
        _cleanup_(closep) int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
        size_t length;
        int r;

        if (fd < 0)
                return -errno;

        for (path += strspn(path, "/");; path += length + strspn(path + length, "/")) {
                length = strcspn(path, "/");
                if (length == 0 || length > NAME_MAX)
                        return 0;
                memcpy(name, path, length);
                name[length] = '\0';
                if (path[length + strspn(path + length, "/")] == '\0')
                        break;

                r = enter(&fd, name);
                if (r == -EXDEV || r == -ELOOP || r == -ENOTDIR)
                        return 0;
                if (r < 0)
                        return r;
        }

        *ret_fd = TAKE_FD(fd);
        return 1;
}

/* Creates the mount point; an existing directory already contains some of its mounts. */
static int make_place(int dir_fd, const char *name, int tree_fd) {
        struct stat st;
        int r;

        if (fstat(tree_fd, &st) < 0)
                return -errno;
        r = S_ISDIR(st.st_mode) ? mkdirat(dir_fd, name, 0755)
                                : mknodat(dir_fd, name, S_IFREG | 0444, 0);
        return r < 0 && errno != EEXIST ? -errno : 1;
}

int sandbox_root_add(int root_fd, const char *path) {
        _cleanup_(closep) int tree_fd = -EBADF, dir_fd = -EBADF;
        char name[NAME_MAX + 1];
        int r;

        if (is_link_to_usr(root_fd, path))
                return 0;
        tree_fd = (int) syscall(
                SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        if (tree_fd < 0)
                return errno == ENOENT || errno == EACCES || errno == ENOTDIR || errno == ELOOP
                               ? 0
                               : -errno;

        r = make_parents(root_fd, path, &dir_fd, name);
        if (r > 0)
                r = make_place(dir_fd, name, tree_fd);
        if (r <= 0)
                return r;
        /* Skip links to existing paths: a directory cannot be mounted on them. */
        return syscall(SYS_move_mount, tree_fd, "", dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 &&
                               errno != ENOTDIR
                       ? -errno
                       : 0;
}

/* Added devices can still be opened; new ones cannot be created. */
int sandbox_root_close(int root_fd) {
        struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

        return syscall(SYS_mount_setattr, root_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                       sizeof(attributes)) < 0 &&
                               errno != ENOSYS
                       ? -errno
                       : 0;
}
