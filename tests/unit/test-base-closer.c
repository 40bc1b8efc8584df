/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-closer.h"

#define PATIENCE_MSEC 10000

static int hanging_fd = -EBADF; /* what does not close as long as the gate is locked */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int hung_pipe[2]; /* has a byte once somebody hangs */

/* Instead of the one of the C library. */
int close(int fd) {
        if (fd == __atomic_load_n(&hanging_fd, __ATOMIC_SEQ_CST)) {
                (void) !write(hung_pipe[1], "", 1);
                (void) pthread_mutex_lock(&gate);
                (void) pthread_mutex_unlock(&gate);
        }
        return (int) syscall(SYS_close, fd);
}

static void await(int fd, short events) {
        struct pollfd pollfd = { .fd = fd, .events = events };

        assert_int_equal(poll(&pollfd, 1, PATIENCE_MSEC), 1);
}

TEST(what_is_to_be_closed_is_closed) {
        Closer *closer = closer_new();
        int fds[2];

        assert_non_null(closer);
        for (unsigned i = 0; i < 100; i++) {
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                closer_close(closer, fds[1]);
                await(fds[0], POLLIN);
                assert_int_equal(close(fds[0]), 0);
        }
        closer_close(closer, -EBADF);
        closer_free(closer);
}

TEST(what_does_not_close_holds_up_nobody) {
        Closer *closer = closer_new();
        int stuck[2], fds[2];

        assert_non_null(closer);
        assert_int_equal(pipe2(hung_pipe, O_CLOEXEC), 0);
        assert_int_equal(pipe2(stuck, O_CLOEXEC), 0);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(pthread_mutex_lock(&gate), 0);
        __atomic_store_n(&hanging_fd, stuck[1], __ATOMIC_SEQ_CST);

        closer_close(closer, stuck[1]);
        await(hung_pipe[0], POLLIN);
        closer_close(closer, fds[1]);
        await(fds[0], POLLIN);
        closer_free(closer);
        assert_int_equal(pthread_mutex_unlock(&gate), 0);
        await(stuck[0], POLLIN);
        __atomic_store_n(&hanging_fd, -EBADF, __ATOMIC_SEQ_CST);
        assert_int_equal(close(stuck[0]), 0);
        assert_int_equal(close(fds[0]), 0);
}

TEST(without_a_closer_it_is_closed_at_once) {
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        closer_close(NULL, fds[1]);
        assert_int_equal(fcntl(fds[1], F_GETFD), -1);
        assert_int_equal(close(fds[0]), 0);
}
