/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-spawn.h"

#define BUFFER_SIZE ((size_t) 128 << 10)
#define STREAMS     2 /* standard output and standard error */

/* A line that arrives in parts. */
typedef struct OutputLine {
        char text[PROGRAM_LINE_MAX];
        size_t size; /* bytes, the NUL that follows not counted */
} OutputLine;

typedef struct Running {
        const SpawnProgram *program; /* borrowed, as the next two */
        const SpawnEvents *events;
        void *userdata;
        pid_t pid;                 /* 0 once reaped */
        int pid_fd;                /* owned */
        int fds[STREAMS];          /* owned; -EBADF at its end */
        OutputLine lines[STREAMS]; /* of standard output only without @output_fd */
        char *buffer;              /* owned; BUFFER_SIZE */
} Running;

/* In the child: only code that is safe after fork(2). */
static int begin(const SpawnOptions *options, pid_t parent) {
        const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        const int fds[] = {
                null_fd,
                options->output_fd >= 0 ? options->output_fd : null_fd,
                options->error_fd >= 0 ? options->error_fd : null_fd,
        };
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);

        if (null_fd < 0 || spawn_die_with_parent(parent) < 0)
                return -errno;
        for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
                if (dup2(fds[i], i) < 0 || fcntl(i, F_SETFD, 0) < 0)
                        return -errno;

        if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
                return -errno;
        for (size_t i = 0; i < options->n_fds; i++)
                if (fcntl(options->fds[i], F_SETFD, 0) < 0)
                        return -errno;
        return 0;
}

int spawn(const SpawnOptions *options, pid_t *ret_pid, int *ret_pidfd) {
        const pid_t parent = getpid();
        int pidfd, r;
        pid_t pid;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                if (begin(options, parent) >= 0)
                        options->run(options->userdata);
                _exit(SPAWN_FAILED);
        }

        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0) {
                r = -errno;
                spawn_kill_and_reap(pid, -EBADF);
                return r;
        }

        *ret_pid = pid;
        *ret_pidfd = pidfd;
        return 0;
}

int spawn_execute(const char *path, char *const *argv, char *const *environment) {
        (void) signal(SIGPIPE, SIG_DFL);
        (void) execve(path, argv, environment);
        return -errno;
}

int spawn_die_with_parent(pid_t parent) {
        pid_t now;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        /* It may have ended before. Outside of this PID namespace it is 0. */
        now = getppid();
        if (now != parent && now != 0)
                _exit(SPAWN_FAILED);
        return 0;
}

void spawn_reap(pid_t pid, siginfo_t *ret) {
        int r;

        do
                r = waitid(P_PID, (id_t) pid, ret, WEXITED);
        while (r < 0 && errno == EINTR);
}

void spawn_kill_and_reap(pid_t pid, int pidfd) {
        siginfo_t end;

        if (pidfd >= 0)
                (void) syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        else
                (void) kill(pid, SIGKILL);
        spawn_reap(pid, &end);
}

const char *spawn_describe_end(const siginfo_t *end, char buffer[static SPAWN_END_MAX]) {
        if (end->si_code != CLD_EXITED)
                (void) snprintf(
                        buffer, SPAWN_END_MAX, "was killed by signal %d (%s)", end->si_status,
                        strsignal(end->si_status));
        else if (end->si_status == SPAWN_FAILED)
                (void) snprintf(buffer, SPAWN_END_MAX, "could not be started");
        else
                (void) snprintf(buffer, SPAWN_END_MAX, "exited with status %d", end->si_status);
        return buffer;
}

static void running_done(Running *running) {
        if (running->pid > 0)
                spawn_kill_and_reap(running->pid, running->pid_fd);
        closep(&running->pid_fd);
        for (size_t i = 0; i < STREAMS; i++)
                closep(&running->fds[i]);
        free(running->buffer);
}

/* In the child. */
static _Noreturn void run_program(void *userdata) {
        const SpawnProgram *program = userdata;

        if (chdir(program->directory) >= 0)
                (void) spawn_execute(
                        program->path, (char *const *) program->argv, program->environment);
        _exit(SPAWN_FAILED);
}

static int make_pipe(int *read_end, int *write_end) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;

        *read_end = fds[0];
        *write_end = fds[1];
        return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int start(Running *running, Error *error) {
        int ends[STREAMS] = { -EBADF, -EBADF }, r = 0;

        running->buffer = malloc(BUFFER_SIZE);
        if (!running->buffer)
                return error_oom(error);

        for (size_t i = 0; r >= 0 && i < STREAMS; i++)
                r = make_pipe(&running->fds[i], &ends[i]);
        if (r >= 0) {
                const SpawnOptions options = {
                        .output_fd = ends[0],
                        .error_fd = ends[1],
                        .run = run_program,
                        .userdata = (void *) running->program,
                };

                r = spawn(&options, &running->pid, &running->pid_fd);
        }
        for (size_t i = 0; i < STREAMS; i++)
                closep(&ends[i]);
        return r < 0 ? error_set_errno(error, -r, "Cannot start %s", running->program->path) : 0;
}

static void end_line(const Running *running, OutputLine *line) {
        line->text[line->size] = '\0';
        if (line->size > 0)
                running->events->line(running->userdata, line->text);
        line->size = 0;
}

static void add_to_lines(const Running *running, OutputLine *line, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (data[i] == '\n' || data[i] == '\r' || data[i] == '\0')
                        end_line(running, line);
                else if (line->size < sizeof(line->text) - 1)
                        line->text[line->size++] = data[i];
}

static int handle(Running *running, size_t stream, size_t size, Error *error) {
        int output_fd = running->program->output_fd, r;

        if (stream != 0 || output_fd < 0) {
                add_to_lines(running, &running->lines[stream], running->buffer, size);
                return 0;
        }

        r = fd_write_full(output_fd, running->buffer, size);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot forward the output of %s", running->program->argv[0]);
        running->events->moved(running->userdata, size);
        return 0;
}

/* Returns 1; 0 if there is nothing now. */
static int read_some(Running *running, size_t stream, Error *error) {
        ssize_t n;
        int r;

        if (running->fds[stream] < 0)
                return 0;

        n = read(running->fds[stream], running->buffer, BUFFER_SIZE);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n < 0)
                return error_set_errno(
                        error, errno, "Cannot read from %s", running->program->argv[0]);
        if (n > 0) {
                r = handle(running, stream, (size_t) n, error);
                return r < 0 ? r : 1;
        }

        end_line(running, &running->lines[stream]);
        (void) close(TAKE_FD(running->fds[stream]));
        return 0;
}

/* Its output from before it ended. Its orphans may hold the pipes open: do not wait for them. */
static int drain(Running *running, Error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < STREAMS; i++) {
                do
                        r = read_some(running, i, error);
                while (r > 0);
                end_line(running, &running->lines[i]);
        }
        return r;
}

/* Returns 1 if it has ended, 0 if not. */
static int wait_once(Running *running, Error *error) {
        struct pollfd fds[STREAMS + 1] = { { .fd = running->pid_fd, .events = POLLIN } };
        int r;

        for (size_t i = 0; i < STREAMS; i++)
                fds[i + 1] = (struct pollfd){ .fd = running->fds[i], .events = POLLIN };

        r = poll(fds, STREAMS + 1, PROGRAM_TICK_MSEC);
        if (r < 0 && errno != EINTR)
                return error_set_errno(
                        error, errno, "Cannot wait for %s", running->program->argv[0]);
        if (r == 0)
                running->events->waiting(running->userdata);
        if (r <= 0)
                return 0;

        for (size_t i = 0; r >= 0 && i < STREAMS; i++)
                r = fds[i + 1].revents != 0 ? read_some(running, i, error) : 0;
        return r < 0 ? r : fds[0].revents != 0;
}

int spawn_run(
        const SpawnProgram *program,
        const SpawnEvents *events,
        void *userdata,
        siginfo_t *ret_end,
        Error *error) {
        _cleanup_(running_done) Running running = {
                .program = program,
                .events = events,
                .userdata = userdata,
                .pid_fd = -EBADF,
                .fds = { -EBADF, -EBADF },
        };
        int r;

        r = start(&running, error);
        while (r == 0)
                r = wait_once(&running, error);
        if (r >= 0)
                r = drain(&running, error);
        if (r < 0)
                return r;

        spawn_reap(running.pid, ret_end);
        running.pid = 0;
        return 0;
}
