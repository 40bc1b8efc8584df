/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base-clock.h"
#include "base-fd.h"
#include "base-macro.h"
#include "base-program.h"
#include "base-secret.h"
#include "base-spawn.h"
#include "base-text.h"
#include "client-auth-helper.h"
#include "credentials-login.h"

#define PREFIX    "docker-credential-"
#define NOT_FOUND "credentials not found" /* how helpers begin to say so, on standard output */

typedef struct HelperRun {
        const char *path; /* borrowed */
        int input_fd;     /* owned, as all that follow */
        int output_fd;
        pid_t pid; /* 0 once reaped */
        int pid_fd;
        char *answer; /* secret; CLIENT_AUTH_HELPER_ANSWER_MAX bytes and a NUL */
        size_t size;
} HelperRun;

static void run_done(HelperRun *run) {
        if (run->pid > 0)
                spawn_kill_and_reap(run->pid, run->pid_fd);
        closep(&run->input_fd);
        closep(&run->output_fd);
        closep(&run->pid_fd);
        secret_free(run->answer);
}

/* In the child. */
static _Noreturn void execute(void *userdata) {
        const HelperRun *run = userdata;
        char *argv[] = { (char *) run->path, (char *) "get", NULL };

        if (dup2(run->input_fd, STDIN_FILENO) >= 0)
                (void) spawn_execute(run->path, argv, environ);
        _exit(SPAWN_FAILED);
}

/* A server's name fits into a pipe, so nobody has to wait for the helper to read it. */
static int make_input(HelperRun *run, const char *server) {
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;

        run->input_fd = fds[0];
        r = fd_write_full(fds[1], server, strlen(server));
        (void) close(fds[1]);
        return r;
}

static int start(HelperRun *run, const char *server) {
        SpawnOptions options = {
                .error_fd = STDERR_FILENO,
                .run = execute,
                .userdata = run,
        };
        int fds[2], r;

        run->answer = malloc(CLIENT_AUTH_HELPER_ANSWER_MAX + 1);
        if (!run->answer)
                return -ENOMEM;
        r = make_input(run, server);
        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;

        run->output_fd = fds[0];
        options.output_fd = fds[1];
        r = fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno
                                                   : spawn(&options, &run->pid, &run->pid_fd);
        (void) close(fds[1]);
        return r;
}

/* Returns 1 at the end, 0 if there may be more later. */
static int read_answer(HelperRun *run) {
        for (;;) {
                ssize_t n =
                        read(run->output_fd, run->answer + run->size,
                             CLIENT_AUTH_HELPER_ANSWER_MAX + 1 - run->size);

                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                run->size += (size_t) n;
                if (run->size > CLIENT_AUTH_HELPER_ANSWER_MAX)
                        return -EFBIG;
                if (n == 0)
                        return 1;
        }
}

/* Until it ends: what it has started may keep its standard output open. */
static int wait_for_end(HelperRun *run, uint64_t usec) {
        const uint64_t deadline = clock_usec(CLOCK_MONOTONIC) + usec;
        struct pollfd fds[] = { { .fd = run->pid_fd, .events = POLLIN },
                                { .fd = run->output_fd, .events = POLLIN } };
        int r;

        while (fds[0].revents == 0) {
                const uint64_t now = clock_usec(CLOCK_MONOTONIC);

                if (now >= deadline)
                        return -ETIMEDOUT;
                if (poll(fds, N_ELEMENTS(fds), (int) ((deadline - now) / 1000 + 1)) < 0 &&
                    errno != EINTR)
                        return -errno;
                r = read_answer(run);
                if (r < 0)
                        return r;
                if (r > 0)
                        fds[1].fd = -1;
        }

        r = read_answer(run);
        run->answer[run->size] = '\0';
        return r < 0 ? r : 0;
}

static int take_answer(
        const HelperRun *run,
        const siginfo_t *end,
        const CredentialsHelper *helper,
        CredentialsLogin *ret,
        Error *error) {
        char description[SPAWN_END_MAX], quoted[TEXT_QUOTE_MAX];
        int r;

        if (end->si_code == CLD_EXITED && end->si_status == 0) {
                r = credentials_login_parse(run->answer, run->size, ret);
                return r >= 0 ? r
                              : error_set(
                                        error, -r, ERROR_FAILED,
                                        PREFIX "%s gives no usable credentials for %s",
                                        helper->name, helper->server);
        }

        run->answer[strcspn(run->answer, "\r\n")] = '\0';
        if (strncmp(run->answer, NOT_FOUND, strlen(NOT_FOUND)) == 0)
                return 0;
        return error_set(
                error, EREMOTEIO, ERROR_FAILED, PREFIX "%s has no credentials for %s: %s",
                helper->name, helper->server,
                run->answer[0] != '\0' ? text_quote(run->answer, quoted)
                                       : spawn_describe_end(end, description));
}

int client_auth_helper_ask(
        const CredentialsHelper *helper, uint64_t usec, CredentialsLogin *ret, Error *error) {
        _cleanup_(run_done) HelperRun run = {
                .input_fd = -EBADF,
                .output_fd = -EBADF,
                .pid_fd = -EBADF,
        };
        char name[sizeof(PREFIX) + CREDENTIALS_HELPER_MAX];
        _cleanup_(freep) char *path = NULL;
        siginfo_t end;
        int r;

        (void) snprintf(name, sizeof(name), PREFIX "%s", helper->name);
        r = program_find(name, &path, error);
        if (r == -ENOENT)
                return error_set(
                        error, ENOENT, ERROR_FAILED,
                        "The credential helper %s for %s is not installed", name, helper->server);
        if (r < 0)
                return r;

        run.path = path;
        r = start(&run, helper->server);
        if (r >= 0)
                r = wait_for_end(&run, usec);
        if (r == -ETIMEDOUT)
                return error_set(
                        error, ETIMEDOUT, ERROR_FAILED,
                        "%s did not answer for %s within %" PRIu64 " seconds", name, helper->server,
                        usec / USEC_PER_SEC);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot run %s for %s", name, helper->server);

        spawn_reap(run.pid, &end);
        run.pid = 0;
        return take_answer(&run, &end, helper, ret, error);
}
