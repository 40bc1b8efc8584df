/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-mounts.h"
#include "builder-remove.h"
#include "proto-channel.h"
#include "sandbox.h"
#include "tree-remove.h"

/* The kernel silently detaches mounts on a directory that is removed in another namespace. */
static int check_mounts(int fd, Error *error) {
        _cleanup_(freep) char *names = NULL;
        char buffer[PATH_MAX];
        const char *path = fd_find_path(fd, buffer, sizeof(buffer));
        int r = path ? mounts_find(path, &names, error) : 0;

        if (r > 0)
                return error_set(error, EBUSY, ERROR_FAILED, "Something is mounted on %s", names);
        return r;
}

/* Closes all descriptors except the two: the child must not use its parent's. */
static int close_others(int fd, int other_fd) {
        const unsigned low = (unsigned) (fd < other_fd ? fd : other_fd),
                       high = (unsigned) (fd < other_fd ? other_fd : fd);

        if ((low > STDERR_FILENO + 1 &&
             syscall(SYS_close_range, STDERR_FILENO + 1, low - 1, 0) < 0) ||
            (high > low + 1 && syscall(SYS_close_range, low + 1, high - 1, 0) < 0) ||
            syscall(SYS_close_range, high + 1, ~0U, 0) < 0)
                return -errno;
        return 0;
}

static int empty(SandboxMode mode, int *fd, int result_fd, Error *error) {
        bool privileged;
        int r;

        r = close_others(*fd, result_fd);
        /* The parent is sealed, which prevents entering a user namespace without privileges. */
        if (r >= 0 && geteuid() != 0 && prctl(PR_SET_DUMPABLE, 1) < 0)
                r = -errno;
        if (r < 0)
                return error_set_errno(error, -r, "Cannot prepare the sandbox");

        if (mode != SANDBOX_NO)
                r = sandbox_enter_tree(mode, fd, &privileged, error);
        return r < 0 ? r : tree_empty(*fd, "", error);
}

/* In the child, which ends here. */
static _Noreturn void be_inside(SandboxMode mode, int fd, int result_fd) {
        ProtoMessage result;
        Error error = ERROR_NULL;

        (void) empty(mode, &fd, result_fd, &error);
        proto_result_set(&result, PROTO_OUTCOME_FAILED, &error);
        _exit(proto_send(result_fd, &result, NULL, 0) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int read_result(int fd, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        int r;

        r = proto_receive(fd, &message, &fds, error);
        if (r < 0)
                return r;
        if (r == 0 || message.type != PROTO_RESULT)
                return error_set(
                        error, ECHILD, ERROR_WORKER_FAILED,
                        "The process that empties it was terminated before it finished");
        if (message.result.outcome != PROTO_OUTCOME_DONE)
                return error_set(
                        error, (int) message.result.code, (ErrorKind) message.result.kind, "%s",
                        message.result.text);
        return 0;
}

static int empty_in_child(SandboxMode mode, int fd, Error *error) {
        _cleanup_(closep) int result_fd = -EBADF;
        int pair[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set_errno(error, errno, "Cannot create a socket");
        result_fd = pair[0];

        pid = fork();
        if (pid == 0)
                be_inside(mode, fd, pair[1]);
        (void) close(pair[1]);
        if (pid < 0)
                return error_set_errno(error, errno, "Cannot start a process");

        r = read_result(result_fd, error);
        (void) waitpid(pid, NULL, 0);
        return r;
}

int builder_remove(SandboxMode mode, int dir_fd, const char *name, int fd, Error *error) {
        int r;

        r = check_mounts(fd, error);
        if (r < 0)
                return r;

        /* Nobody can create anything in it any more. */
        (void) !fchown(fd, geteuid(), (gid_t) -1);
        (void) fchmod(fd, 0700);
        r = empty_in_child(mode, fd, error);
        if (r < 0)
                return r;

        if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Cannot remove %s", name);
        return 0;
}
