/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-fork.h"

bool fork_reserve_fds(ForkSlots *ret) {
        int low[FORK_LOW_FDS] = { 0 }, fd;
        size_t n = 0;

        for (fd = open("/dev/null", O_RDWR | O_CLOEXEC); fd >= 0 && fd < FORK_LOW_FDS;
             fd = fcntl(low[0], F_DUPFD_CLOEXEC, 0))
                low[n++] = fd;
        if (fd < 0 || n < 3)
                return false;

        (void) close(fd);
        *ret = (ForkSlots){ .fds = { low[n - 1], low[n - 2] }, .null_fd = low[n - 3] };
        return true;
}

/* The child gets its own table of descriptors with copies of only the low ones. The slots must stay until then: the
 * kernel lets this thread continue when the child executes something, or ends. */
static pid_t clone_sharing_fds(void) {
        struct clone_args arguments = {
                .flags = CLONE_FILES | CLONE_VFORK,
                .exit_signal = SIGCHLD,
        };
        const pid_t pid = (pid_t) syscall(SYS_clone3, &arguments, sizeof(arguments));

        if (pid == 0 && syscall(SYS_close_range, FORK_LOW_FDS, ~0U, CLOSE_RANGE_UNSHARE) < 0)
                _exit(EXIT_FAILURE);
        /* Filters that do not know this system call return these. */
        return pid < 0 && (errno == ENOSYS || errno == EPERM) ? fork() : pid;
}

static int put(const ForkSlots *slots, const int fds[static 2]) {
        for (size_t i = 0; i < 2; i++)
                if (dup3(fds[i], slots->fds[i], O_CLOEXEC) < 0)
                        return -errno;

        return 0;
}

/* The child's descriptors must not stay open here. */
static void clear(const ForkSlots *slots) {
        for (size_t i = 0; i < 2; i++)
                (void) dup3(slots->null_fd, slots->fds[i], O_CLOEXEC);
}

pid_t fork_bare(const ForkSlots *slots, int fds[static 2]) {
        pid_t pid = -1;
        int r;

        if (!slots)
                return fork();

        r = put(slots, fds);
        if (r >= 0) {
                pid = clone_sharing_fds();
                r = -errno;
        }
        if (pid == 0) {
                fds[0] = slots->fds[0];
                fds[1] = slots->fds[1];
                return 0;
        }

        clear(slots);
        errno = -r;
        return pid;
}
