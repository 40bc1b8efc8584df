/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "worker-namespace.h"

#define NAMESPACES (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static int write_proc(const char *path, const char *text) {
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));
}

/* The caller stays who it is in there: files become its own. */
static int map_self(uid_t uid, gid_t gid) {
        char text[64];
        int r;

        (void) snprintf(text, sizeof(text), "%u %u 1", uid, uid);
        r = write_proc("/proc/self/uid_map", text);
        if (r < 0)
                return r;

        r = write_proc("/proc/self/setgroups", "deny");
        if (r < 0)
                return r;

        (void) snprintf(text, sizeof(text), "%u %u 1", gid, gid);
        return write_proc("/proc/self/gid_map", text);
}

static int enter(bool with_user, int flags, Error *error) {
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (unshare(flags | (with_user ? CLONE_NEWUSER : 0)) < 0) {
                if (with_user && (errno == EPERM || errno == ENOSPC || errno == EINVAL))
                        return 0;
                return error_set_errno(error, errno, "Cannot enter new namespaces");
        }

        r = with_user ? map_self(uid, gid) : 0;
        return r < 0 ? error_set_errno(error, -r, "Cannot map the user into a new namespace") : 1;
}

static bool is_same(int fd, int other_fd) {
        struct stat a, b;

        return fstat(fd, &a) >= 0 && fstat(other_fd, &b) >= 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

/* Attaches the tree to the new namespace, and makes it the working directory. A descriptor belongs to the
 * namespace in which it was opened: a copy of its mount was made there, or it is found by its path. */
static int attach(int root_fd, int copy_fd, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        char link[FD_PATH_MAX], path[PATH_MAX];
        ssize_t n;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                /* In a plain chroot, whose root is no mount, nothing can be mounted that others do not
                 * see: the tree becomes the root where it is. */
                if (errno == EINVAL && fchdir(root_fd) >= 0)
                        return 0;
                return error_set_errno(error, errno, "Cannot detach from other mounts");
        }

        if (copy_fd >= 0) {
                if (syscall(SYS_move_mount, copy_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) <
                            0 ||
                    fchdir(copy_fd) < 0)
                        return error_set_errno(error, errno, "Cannot attach the tree");
                return 0;
        }

        n = readlink(fd_path(root_fd, link), path, sizeof(path) - 1);
        if (n < 0)
                return error_set_errno(error, errno, "Cannot find the tree");
        path[n] = '\0';

        if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(path) < 0)
                return error_set_errno(error, errno, "Cannot attach the tree");
        fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || !is_same(fd, root_fd))
                return error_set(
                        error, ESTALE, ERROR_FAILED, "The tree was moved under the worker");
        return 0;
}

static int make_root(int *root_fd, Error *error) {
        int fd;

        /* In some containers the mount under the root is shared, which pivot_root(2) does not take. The tree
         * is on top of all others then, and nothing without CAP_SYS_CHROOT gets below it. */
        if (syscall(SYS_pivot_root, ".", ".") >= 0)
                (void) umount2(".", MNT_DETACH);
        else if (errno != EINVAL || chroot(".") < 0)
                return error_set_errno(error, errno, "Cannot make the tree the root");
        if (chdir("/") < 0)
                return error_set_errno(error, errno, "Cannot enter the tree");

        fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the tree");

        (void) close(*root_fd);
        *root_fd = fd;
        return 0;
}

int namespace_enter_tree(bool with_user, int *root_fd, Error *error) {
        _cleanup_(closep) int copy_fd = -EBADF;
        int r;

        if (!with_user) {
                copy_fd = (int) syscall(
                        SYS_open_tree, *root_fd, "",
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
                if (copy_fd < 0)
                        return error_set_errno(error, errno, "Cannot copy the mount of the tree");
        }

        r = enter(with_user, NAMESPACES | CLONE_NEWNS, error);
        if (r <= 0)
                return r;

        r = attach(*root_fd, copy_fd, error);
        if (r >= 0)
                r = make_root(root_fd, error);
        return r < 0 ? r : 1;
}

int namespace_own_processes(Error *error) {
        return enter(false, CLONE_NEWPID, error);
}

int namespace_leave_network(bool with_user, Error *error) {
        return enter(with_user, NAMESPACES, error);
}

int namespace_enter_directory(bool with_user, int dir_fd, Error *error) {
        int r;

        r = enter(with_user, NAMESPACES, error);
        if (r < 0)
                return r;

        if (fchdir(dir_fd) < 0 || (chroot(".") < 0 && (r > 0 || errno != EPERM)))
                return error_set_errno(error, errno, "Cannot make the directory the root");
        return r;
}
