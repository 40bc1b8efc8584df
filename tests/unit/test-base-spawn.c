/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base-spawn.h"

static bool is_slow;
static pid_t parent_of_slow;

/* Takes so long that the parent has ended when it begins. */
int prctl(int option, ...) {
        int (*real)(int, ...) = (int (*)(int, ...)) dlsym(RTLD_NEXT, "prctl");
        unsigned long args[4];
        va_list ap;

        va_start(ap, option);
        for (size_t i = 0; i < 4; i++)
                args[i] = va_arg(ap, unsigned long);
        va_end(ap);

        if (is_slow && option == PR_SET_PDEATHSIG) {
                (void) kill(parent_of_slow, SIGKILL);
                while (getppid() == parent_of_slow)
                        ;
        }
        return real(option, args[0], args[1], args[2], args[3]);
}

static void ignore_line(void *userdata, const char *line) {
}
static void ignore_bytes(void *userdata, size_t bytes) {
}
static void ignore_waiting(void *userdata) {
}

static const SpawnEvents events = {
        .line = ignore_line,
        .moved = ignore_bytes,
        .waiting = ignore_waiting,
};

static int touch(const char *directory) {
        static const char *const argv[] = { "touch", "ran", NULL };
        static char *const environment[] = { NULL };
        const Spawn program = {
                .path = "/usr/bin/touch",
                .argv = argv,
                .environment = environment,
                .directory = directory,
                .output_fd = -EBADF,
        };
        int status, r;

        r = spawn_run(&program, &events, NULL, &status, NULL);
        return r < 0 ? r : status;
}

static void program_of_a_living_worker_is_run(void **state) {
        Scratch scratch;

        scratch_init(&scratch);
        assert_int_equal(touch(scratch.path), 0);
        assert_true(scratch_exists(&scratch, "ran"));
        scratch_done(&scratch);
}

/* The worker ends between fork(2) and prctl(2): no signal comes for that any more. */
static void program_of_a_dead_worker_is_not_run(void **state) {
        Scratch scratch;
        pid_t pid;
        int status;

        scratch_init(&scratch);
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                is_slow = true;
                parent_of_slow = getpid();
                _exit(touch(scratch.path) == 0 ? 0 : 1);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        /* The orphan. */
        assert_true(waitpid(-1, &status, 0) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 127);
        assert_false(scratch_exists(&scratch, "ran"));
        scratch_done(&scratch);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(program_of_a_living_worker_is_run),
                CASE(program_of_a_dead_worker_is_not_run),
        };

        return cmocka_run_group_tests_name("base-spawn", tests, NULL, NULL);
}
