/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
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
        const SpawnProgram program = {
                .path = "/usr/bin/touch",
                .argv = argv,
                .environment = environment,
                .directory = directory,
                .output_fd = -EBADF,
        };
        siginfo_t end;
        int r;

        r = spawn_run(&program, &events, NULL, &end, NULL);
        return r < 0 ? r : end.si_status;
}

TEST(program_of_a_living_worker_is_run) {
        Scratch scratch;

        scratch_init(&scratch);
        assert_int_equal(touch(scratch.path), 0);
        assert_true(scratch_exists(&scratch, "ran"));
        scratch_done(&scratch);
}

/* The worker ends between fork(2) and prctl(2): no signal comes for that any more. */
TEST(program_of_a_dead_worker_is_not_run) {
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

static _Noreturn void run_shell(void *userdata) {
        char *const argv[] = { (char *) "sh", (char *) "-c", userdata, NULL };
        char *const environment[] = { NULL };

        if (userdata)
                (void) spawn_execute("/bin/sh", argv, environment);
        _exit(SPAWN_FAILED);
}

/* How a shell ends, which has @fds. */
static siginfo_t run_script(const char *script, const int *fds, size_t n_fds) {
        const SpawnOptions options = {
                .output_fd = -EBADF,
                .error_fd = -EBADF,
                .fds = fds,
                .n_fds = n_fds,
                .run = run_shell,
                .userdata = (void *) script,
        };
        siginfo_t end = { 0 };
        int pidfd = -EBADF;
        pid_t pid = 0;

        assert_int_equal(spawn(&options, &pid, &pidfd), 0);
        spawn_reap(pid, &end);
        assert_int_equal(end.si_pid, pid);
        assert_int_equal(close(pidfd), 0);
        return end;
}

TEST(child_has_the_descriptors_that_it_is_given_and_no_others) {
        const int given = fcntl(STDERR_FILENO, F_DUPFD, 50),
                  other = fcntl(STDERR_FILENO, F_DUPFD, 50);
        char script[256];
        siginfo_t end;

        assert_true(given >= 0 && other >= 0);
        (void) snprintf(
                script, sizeof(script),
                "test -e /proc/$$/fd/%d || exit 2; test -e /proc/$$/fd/%d && exit 3; "
                "for i in 0 1 2; do test /proc/$$/fd/$i -ef /dev/null || exit 4; done; exit 7",
                given, other);
        end = run_script(script, &given, 1);
        assert_int_equal(end.si_code, CLD_EXITED);
        assert_int_equal(end.si_status, 7);
        (void) close(given);
        (void) close(other);
}

TEST(child_has_no_signal_blocked_and_ends_by_sigpipe) {
        static const char script[] = "kill -TERM $$; exit 1", piped[] = "kill -PIPE $$; exit 1";
        sigset_t blocked, before;
        siginfo_t end;

        (void) sigemptyset(&blocked);
        (void) sigaddset(&blocked, SIGTERM);
        assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
        (void) signal(SIGPIPE, SIG_IGN);
        end = run_script(script, NULL, 0);
        assert_int_equal(end.si_status, SIGTERM);
        end = run_script(piped, NULL, 0);
        assert_int_equal(end.si_status, SIGPIPE);
        assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

TEST(end_of_a_child_is_described) {
        static const struct {
                const char *script, *description;
        } cases[] = {
                { "exit 3", "exited with status 3" },
                { "kill -9 $$", "was killed by signal 9 (Killed)" },
                { NULL, "could not be started" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const siginfo_t end = run_script(cases[i].script, NULL, 0);
                char text[SPAWN_END_MAX];

                assert_string_equal(spawn_describe_end(&end, text), cases[i].description);
        }
}

TEST(killed_child_is_reaped) {
        const SpawnOptions options = {
                .output_fd = -EBADF,
                .error_fd = -EBADF,
                .run = run_shell,
                .userdata = (void *) "sleep 1000",
        };
        int pidfd = -EBADF;
        pid_t pid = 0;

        assert_int_equal(spawn(&options, &pid, &pidfd), 0);
        spawn_kill_and_reap(pid, pidfd);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        assert_int_equal(close(pidfd), 0);
}
