/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-fork.h"

#define SAID "here"

static ForkSlots slots;

static void assert_exits(pid_t pid) {
        int status = 0;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void make_pipe(int ret[2]) {
        assert_int_equal(pipe2(ret, O_CLOEXEC), 0);
        assert_true(ret[0] >= FORK_LOW_FDS && ret[1] >= FORK_LOW_FDS);
}

static void echo(const int fds[static 2], void *userdata) {
        char text[sizeof(SAID)];

        _exit(read(fds[0], text, sizeof(text)) == sizeof(text) &&
                              write(fds[1], text, sizeof(text)) == sizeof(text)
                      ? 0
                      : 1);
}

TEST(child_has_what_it_is_handed) {
        char text[sizeof(SAID)] = "";
        int to[2], from[2], fds[2];
        pid_t pid;

        make_pipe(to);
        make_pipe(from);
        assert_int_equal(write(to[1], SAID, sizeof(SAID)), sizeof(SAID));
        fds[0] = to[0];
        fds[1] = from[1];
        pid = fork_bare(&slots, fds, echo, NULL);
        assert_true(pid > 0);
        assert_exits(pid);
        assert_int_equal(close(from[1]), 0);
        assert_int_equal(read(from[0], text, sizeof(text)), sizeof(text));
        assert_string_equal(text, SAID);
        /* Nobody has it open any more: not even by a slot. */
        assert_int_equal(read(from[0], text, sizeof(text)), 0);
        assert_int_equal(close(to[0]), 0);
        assert_int_equal(close(to[1]), 0);
        assert_int_equal(close(from[0]), 0);
}

static void look(const int fds[static 2], void *userdata) {
        const int *held = userdata;

        _exit(fcntl(held[0], F_GETFD) < 0 && fcntl(held[1], F_GETFD) < 0 &&
                              fcntl(STDERR_FILENO, F_GETFD) >= 0 && fcntl(fds[1], F_GETFD) >= 0
                      ? 0
                      : 1);
}

TEST(child_has_nothing_else_that_is_open) {
        int held[2], fds[2] = { STDIN_FILENO, STDERR_FILENO };
        pid_t pid;

        make_pipe(held);
        pid = fork_bare(&slots, fds, look, held);
        assert_true(pid > 0);
        assert_exits(pid);
        assert_int_equal(close(held[1]), 0);
        assert_int_equal(close(held[0]), 0);
}

static void end(const int fds[static 2], void *userdata) {
        _exit(0);
}

TEST(parent_keeps_what_it_has) {
        int other[2], fds[2] = { STDIN_FILENO, STDERR_FILENO };
        char byte = 'x';
        pid_t pid;

        make_pipe(other);
        pid = fork_bare(&slots, fds, end, NULL);
        assert_true(pid > 0);
        assert_exits(pid);
        assert_int_equal(write(other[1], &byte, 1), 1);
        assert_int_equal(read(other[0], &byte, 1), 1);
        assert_int_equal(close(other[0]), 0);
        assert_int_equal(close(other[1]), 0);
}

static void use_stack(const int fds[static 2], void *userdata) {
        volatile char used[FORK_STACK_BYTES / 2];

        for (size_t i = 0; i < sizeof(used); i++)
                used[i] = 'x';
        _exit(used[0] == 'x' ? 0 : 1);
}

TEST(child_has_a_stack_and_leaves_that_of_its_parent) {
        const int fds[2] = { STDIN_FILENO, STDERR_FILENO };
        char before[256];

        memset(before, 'b', sizeof(before));
        assert_exits(fork_bare(&slots, fds, use_stack, NULL));
        for (size_t i = 0; i < sizeof(before); i++)
                assert_int_equal(before[i], 'b');
}

static void look_at_signals(const int fds[static 2], void *userdata) {
        sigset_t blocked;

        _exit(sigprocmask(SIG_SETMASK, NULL, &blocked) == 0 && sigismember(&blocked, SIGUSR1) ? 0
                                                                                              : 1);
}

TEST(signals_are_blocked_in_the_child_and_as_before_in_the_parent) {
        const int fds[2] = { STDIN_FILENO, STDERR_FILENO };
        sigset_t blocked;

        assert_exits(fork_bare(&slots, fds, look_at_signals, NULL));
        assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &blocked), 0);
        assert_int_equal(sigismember(&blocked, SIGUSR1), 0);
}

int main(void) {
        /* The descriptors of all cases are above. */
        return fork_reserve_fds(&slots) ? test_run() : EXIT_FAILURE;
}
