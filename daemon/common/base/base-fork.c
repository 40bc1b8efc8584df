/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
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

/* A sanitizer keeps books on the memory of this process, which would then be about the child's stack. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHARED_MEMORY 0
#else
#define SHARED_MEMORY CLONE_VM
#endif

typedef struct BareChild {
        const ForkSlots *slots; /* borrowed; NULL: @fds are what it needs */
        const int *fds;         /* borrowed */
        ForkRun run;
        void *userdata; /* borrowed */
} BareChild;

/* It gets its own table of descriptors with copies of only the low ones. The slots must stay until then: the kernel lets
 * the parent continue when the child executes something, or ends. */
static int run_child(void *userdata) {
        const BareChild *child = userdata;

        if (child->slots && syscall(SYS_close_range, FORK_LOW_FDS, ~0U, CLOSE_RANGE_UNSHARE) < 0)
                _exit(EXIT_FAILURE);
        child->run(child->slots ? child->slots->fds : child->fds, child->userdata);
        _exit(EXIT_FAILURE);
}

static pid_t start(BareChild *child) {
        const int flags = CLONE_VFORK | SHARED_MEMORY | (child->slots ? CLONE_FILES : 0) | SIGCHLD;
        _Alignas(16) char stack[FORK_STACK_BYTES];
        sigset_t all, before;
        pid_t pid;
        int code;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = clone(run_child, stack + sizeof(stack), flags, child);
        code = errno;
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = code;
        return pid;
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

pid_t fork_bare(const ForkSlots *slots, const int fds[static 2], ForkRun run, void *userdata) {
        BareChild child = { .slots = slots, .fds = fds, .run = run, .userdata = userdata };
        pid_t pid = -1;
        int r = 0;

        if (slots)
                r = put(slots, fds);
        if (r >= 0) {
                pid = start(&child);
                r = -errno;
        }
        if (slots)
                clear(slots);
        errno = -r;
        return pid;
}
