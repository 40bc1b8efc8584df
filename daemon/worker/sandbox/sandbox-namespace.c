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
#include "sandbox-namespace.h"
#include "sandbox-root.h"

#define NAMESPACES (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static int write_proc(const char *path, const char *text) {
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));
}

/* The caller keeps its user: files become its own. */
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

/* Whether the system does not allow it: kernels without the call, filters of containers, limits set by
 * administrators, mounts of others that cannot be copied, ids that could not be mapped. */
static bool is_not_allowed(int code) {
        return code == EPERM || code == EACCES || code == ENOSPC || code == EUSERS ||
               code == EINVAL || code == ENOSYS || code == EOPNOTSUPP || code == EOVERFLOW;
}

/* Returns 0 with the reason, or a negative errno with @error set. */
static int give_up(int code, int *ret_missing, Error *error, const char *what) {
        if (!is_not_allowed(code))
                return error_set_errno(error, code, "Cannot %s", what);

        *ret_missing = code;
        return 0;
}

static int enter(bool with_user, int flags, int *ret_missing, Error *error) {
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (unshare(flags | (with_user ? CLONE_NEWUSER : 0)) < 0)
                return give_up(errno, ret_missing, error, "enter new namespaces");

        /* Some systems allow the namespace, and nothing in it. */
        r = with_user ? map_self(uid, gid) : 0;
        return r < 0 ? give_up(-r, ret_missing, error, "map the user into a new namespace") : 1;
}

static bool is_same(int fd, int other_fd) {
        struct stat a, b;

        return fstat(fd, &a) >= 0 && fstat(other_fd, &b) >= 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

/* Copies the mount of @dir_fd, which must belong to this namespace. Returns it or a negative errno. */
static int copy_mount(int dir_fd, unsigned flags) {
        int fd = (int) syscall(
                SYS_open_tree, dir_fd, "",
                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);

        return fd < 0 ? -errno : fd;
}

/* Likewise in a new namespace, in which the directory is found by its path. */
static int copy_mount_by_path(int dir_fd) {
        _cleanup_(closep) int fd = -EBADF;
        char link[FD_PATH_MAX], path[PATH_MAX];
        ssize_t n;

        n = readlink(fd_path(dir_fd, link), path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        path[n] = '\0';

        fd = (int) syscall(
                SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        if (fd < 0)
                return -errno;
        return is_same(fd, dir_fd) ? TAKE_FD(fd) : -ESTALE;
}

/* Adds restrictions to the mount. Returns whether it has them, or a negative errno. */
static int restrict_mount(int copy_fd, uint64_t attributes) {
        struct mount_attr attr = { .attr_set = attributes };

        if (syscall(SYS_mount_setattr, copy_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
                    sizeof(attr)) >= 0)
                return 1;
        return is_not_allowed(errno) ? 0 : -errno;
}

/* Hides later mounts from others. */
static int leave_other_mounts(void) {
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

static int make_root(int *root_fd, Error *error) {
        int fd;

        /* In some containers the mount under the root is shared, which pivot_root(2) refuses. Then the tree
         * is on top of all others, and only CAP_SYS_CHROOT gets below it. */
        if (syscall(SYS_pivot_root, ".", ".") >= 0)
                (void) umount2(".", MNT_DETACH);
        else if (errno != EINVAL || chroot(".") < 0)
                return error_set_errno(error, errno, "Cannot change the root directory");
        if (chdir("/") < 0)
                return error_set_errno(error, errno, "Cannot enter the new root directory");
        if (!root_fd)
                return 1;

        fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the new root directory");

        (void) close(*root_fd);
        *root_fd = fd;
        return 1;
}

/* Makes the copy the root, in a new namespace. */
static int move_into(int copy_fd, int *root_fd, int *ret_missing, Error *error) {
        int r;

        r = leave_other_mounts();
        /* In a plain chroot, whose root is not a mount, private mounts are impossible: the copy is attached
         * nowhere, and lasts as long as the worker. */
        if (r == -EINVAL) {
                if (fchdir(copy_fd) < 0)
                        return error_set_errno(error, errno, "Cannot enter the copy of a mount");
                if (fcntl(copy_fd, F_DUPFD_CLOEXEC, 0) < 0)
                        return error_set_errno(error, errno, "Cannot keep the copy of a mount");
                return make_root(root_fd, error);
        }
        if (r < 0)
                return give_up(-r, ret_missing, error, "detach from other mounts");

        if (syscall(SYS_move_mount, copy_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return give_up(errno, ret_missing, error, "attach a copy of a mount");
        if (fchdir(copy_fd) < 0)
                return error_set_errno(error, errno, "Cannot enter the copy of a mount");
        return make_root(root_fd, error);
}

int sandbox_namespace_enter_tree(
        bool with_user, int *root_fd, bool *ret_nodev, int *ret_missing, Error *error) {
        _cleanup_(closep) int copy_fd = -EBADF;
        int r;

        /* A descriptor belongs to the namespace in which it was opened. */
        if (!with_user) {
                copy_fd = copy_mount(*root_fd, 0);
                if (copy_fd < 0)
                        return give_up(-copy_fd, ret_missing, error, "copy the mount of the tree");
        }

        r = enter(with_user, NAMESPACES | CLONE_NEWNS, ret_missing, error);
        if (r <= 0)
                return r;

        if (with_user) {
                copy_fd = copy_mount_by_path(*root_fd);
                if (copy_fd == -ESTALE)
                        return error_set(
                                error, ESTALE, ERROR_FAILED,
                                "The tree was moved from under the worker");
                if (copy_fd < 0)
                        return give_up(-copy_fd, ret_missing, error, "copy the mount of the tree");
        }

        r = restrict_mount(copy_fd, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot restrict the mount of the tree");

        *ret_nodev = r > 0;
        return move_into(copy_fd, root_fd, ret_missing, error);
}

int sandbox_namespace_enter_directory(bool with_user, int *dir_fd, int *ret_missing, Error *error) {
        _cleanup_(closep) int copy_fd = -EBADF;
        int r;

        if (!with_user)
                copy_fd = copy_mount(*dir_fd, AT_RECURSIVE);
        r = enter(with_user, NAMESPACES | CLONE_NEWNS, ret_missing, error);
        if (r < 0)
                return r;
        if (r > 0 && with_user)
                copy_fd = copy_mount_by_path(*dir_fd);
        if (r > 0 && copy_fd >= 0) {
                r = restrict_mount(
                        copy_fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
                                         MOUNT_ATTR_NOEXEC);
                if (r < 0)
                        return error_set_errno(
                                error, -r, "Cannot restrict the mount of the directory");
                return move_into(copy_fd, dir_fd, ret_missing, error);
        }

        if (r > 0)
                *ret_missing = -copy_fd;
        if (fchdir(*dir_fd) < 0 || (chroot(".") < 0 && errno != EPERM))
                return error_set_errno(error, errno, "Cannot make the directory the root");
        return 0;
}

static int add_paths(int root_fd, const char *const *paths, size_t n) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sandbox_root_add(root_fd, paths[i]);
        return r < 0 ? r : sandbox_root_close(root_fd);
}

int sandbox_namespace_enter_paths(
        bool with_user, const char *const *paths, size_t n, int *ret_missing, Error *error) {
        _cleanup_(closep) int root_fd = -EBADF;
        mode_t mask;
        int r;

        r = enter(with_user, CLONE_NEWNS, ret_missing, error);
        if (r <= 0)
                return r;

        r = leave_other_mounts();
        if (r >= 0)
                r = root_fd = sandbox_root_new();
        if (r >= 0) {
                /* Also for the user that the worker becomes. */
                mask = umask(0022);
                r = add_paths(root_fd, paths, n);
                (void) umask(mask);
        }
        if (r < 0)
                return give_up(-r, ret_missing, error, "make a root directory for the worker");
        if (fchdir(root_fd) < 0)
                return error_set_errno(error, errno, "Cannot enter the new root directory");
        return make_root(NULL, error);
}

int sandbox_namespace_change_root(int *root_fd, int *ret_missing, Error *error) {
        if (fchdir(*root_fd) < 0)
                return error_set_errno(error, errno, "Cannot enter the new root directory");
        if (chroot(".") < 0)
                return give_up(errno, ret_missing, error, "change the root directory");
        return 1;
}

int sandbox_namespace_own_processes(Error *error) {
        if (unshare(CLONE_NEWPID) < 0)
                return error_set_errno(error, errno, "Cannot enter a new PID namespace");
        return 1;
}

int sandbox_namespace_share_processes(void) {
        _cleanup_(closep) int fd = (int) syscall(SYS_pidfd_open, getpid(), 0);

        return fd < 0 || setns(fd, CLONE_NEWPID) < 0 ? -errno : 0;
}

int sandbox_namespace_leave_network(bool with_user, Error *error) {
        int missing;

        return enter(with_user, NAMESPACES, &missing, error);
}
