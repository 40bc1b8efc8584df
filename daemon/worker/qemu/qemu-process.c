/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-program.h"
#include "qemu-process.h"
#include "qemu-words.h"

#define END_WAIT_MS       5000 /* from a lost connection to the end of the process */
#define STDERR_TAIL_BYTES ((size_t) 4096)

struct QemuProcess {
        pid_t pid;
        int pidfd;     /* owned */
        int stderr_fd; /* owned; the end of a pipe from which is read */
        bool ended;
        siginfo_t end; /* when ended */
};

/* What the child tells before the program is executed. */
typedef struct Failure {
        int code;
        ErrorKind kind;
        char text[512];
} Failure;

/* glibc gives large buffers back to the kernel each time that they are freed, and each page of the next
 * one is a page fault then: writing large blocks takes several times as long. */
static char *const environment[] = {
        (char *) "LC_ALL=C",
        (char *) "MALLOC_MMAP_THRESHOLD_=67108864",
        (char *) "MALLOC_TRIM_THRESHOLD_=268435456",
        NULL,
};

/* Before the child is confined, where directories of $PATH cannot be told from missing ones. */
static int find_qemu(const char *name, char **ret, Error *error) {
        int r = program_find(name, ret, error);

        if (r != -ENOENT)
                return r;
        return error_set(
                error, ENOENT, ERROR_NOT_FOUND,
                "%s is not installed: Debian has it in the package qemu-system-common", name);
}

static int make_standard_fds(int stderr_fd, Error *error) {
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null_fd < 0)
                return error_set_errno(error, errno, "Cannot open /dev/null");
        if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
            dup2(stderr_fd, STDERR_FILENO) < 0)
                return error_set_errno(error, errno, "Cannot redirect standard input and output");
        return 0;
}

static int keep_fds(const int *fds, size_t n_fds, Error *error) {
        if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Cannot close descriptors");

        for (size_t i = 0; i < n_fds; i++)
                if (fcntl(fds[i], F_SETFD, 0) < 0)
                        return error_set_errno(error, errno, "Cannot hand a descriptor on");
        return 0;
}

/* Only once the user has changed, which makes the kernel forget it. */
static int die_with_parent(pid_t parent, Error *error) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return error_set_errno(error, errno, "Cannot bind the process to its parent");
        if (getppid() != parent)
                _exit(EXIT_FAILURE);
        return 0;
}

static int prepare(const QemuProcessOptions *options, pid_t parent, int stderr_fd, Error *error) {
        sigset_t none;
        int r;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) fd_raise_limit();

        r = make_standard_fds(stderr_fd, error);
        if (r >= 0)
                r = keep_fds(options->fds, options->n_fds, error);
        if (r >= 0 && options->confine)
                r = options->confine(options->userdata, error);
        if (r >= 0)
                r = die_with_parent(parent, error);
        return r;
}

__attribute__((__noreturn__)) static void run_child(
        const QemuProcessOptions *options, const char *path, pid_t parent, const int fds[2]) {
        Error error = ERROR_NULL;
        Failure failure = { 0 };

        if (prepare(options, parent, fds[0], &error) >= 0) {
                (void) execve(path, options->arguments, environment);
                (void) error_set_errno(&error, errno, "Cannot execute %s", path);
        }

        failure.code = error.code;
        failure.kind = error.kind;
        (void) snprintf(failure.text, sizeof(failure.text), "%s", error_text(&error));
        (void) fd_write_full(fds[1], &failure, sizeof(failure));
        _exit(EXIT_FAILURE);
}

static int wait_for_program(int fd, Error *error) {
        Failure failure;
        ssize_t n = fd_read_full(fd, &failure, sizeof(failure));

        if (n < 0)
                return error_set_errno(error, (int) -n, "Cannot read from the new process");
        if ((size_t) n < sizeof(failure))
                return 0;
        return error_set(error, failure.code, failure.kind, "%s", failure.text);
}

static int spawn(
        const QemuProcessOptions *options,
        const char *path,
        const int fds[2],
        QemuProcess *process,
        Error *error) {
        pid_t parent = getpid();

        process->pid = fork();
        if (process->pid < 0)
                return error_set_errno(error, errno, "Cannot start a process");
        if (process->pid == 0)
                run_child(options, path, parent, fds);

        process->pidfd = (int) syscall(SYS_pidfd_open, process->pid, 0);
        return process->pidfd < 0 ? error_set_errno(error, errno, "Cannot watch a process") : 0;
}

int qemu_process_start(const QemuProcessOptions *options, QemuProcess **ret, Error *error) {
        _cleanup_(qemu_process_freep) QemuProcess *process = calloc(1, sizeof(*process));
        _cleanup_(closep) int stderr_fd = -EBADF, read_fd = -EBADF, write_fd = -EBADF;
        _cleanup_(freep) char *path = NULL;
        int fds[2], r;

        if (!process)
                return error_oom(error);
        process->pid = -1;
        process->pidfd = process->stderr_fd = -EBADF;

        r = find_qemu(options->program, &path, error);
        if (r < 0)
                return r;

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "Cannot make a pipe");
        process->stderr_fd = fds[0];
        stderr_fd = fds[1];
        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Cannot make a pipe");
        read_fd = fds[0];
        write_fd = fds[1];

        r = spawn(options, path, (const int[2]){ stderr_fd, write_fd }, process, error);
        if (r < 0)
                return r;
        (void) close(TAKE_FD(write_fd));

        r = wait_for_program(read_fd, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(process);
        return 0;
}

static void reap(QemuProcess *process) {
        int r;

        if (process->ended)
                return;
        do
                r = waitid(P_PID, (id_t) process->pid, &process->end, WEXITED);
        while (r < 0 && errno == EINTR);
        process->ended = true;
}

static void end(QemuProcess *process) {
        if (process->ended)
                return;
        if (process->pidfd >= 0)
                (void) syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
        else
                (void) kill(process->pid, SIGKILL);
        reap(process);
}

QemuProcess *qemu_process_free(QemuProcess *process) {
        if (!process)
                return NULL;

        if (process->pid > 0)
                end(process);
        closep(&process->pidfd);
        closep(&process->stderr_fd);
        free(process);
        return NULL;
}

/* ": " and its last words, or nothing. */
static void last_words(QemuProcess *process, char ret[static DISK_WORDS_MAX + 2]) {
        char text[STDERR_TAIL_BYTES], words[DISK_WORDS_MAX];
        size_t size = 0;
        ssize_t n;

        while ((n = read(process->stderr_fd, text + size, sizeof(text) - size)) > 0) {
                size += (size_t) n;
                if (size == sizeof(text)) {
                        size /= 2;
                        memmove(text, text + size, size);
                }
        }

        qemu_words(text, size, words);
        (void) snprintf(ret, DISK_WORDS_MAX + 2, "%s%s", words[0] ? ": " : "", words);
}

int qemu_process_explain(QemuProcess *process, Error *error) {
        struct pollfd poll_fd = { .fd = process->pidfd, .events = POLLIN };
        char words[DISK_WORDS_MAX + 2];
        int r;

        do
                r = process->ended ? 1 : poll(&poll_fd, 1, END_WAIT_MS);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return error_set(
                        error, EPIPE, ERROR_WORKER_FAILED,
                        "qemu-storage-daemon has closed its connections, but goes on");

        reap(process);
        last_words(process, words);
        if (process->end.si_code == CLD_EXITED)
                return error_set(
                        error, EPIPE, ERROR_WORKER_FAILED,
                        "qemu-storage-daemon ended unexpectedly with status %d%s",
                        process->end.si_status, words);
        return error_set(
                error, EPIPE, ERROR_WORKER_FAILED,
                "qemu-storage-daemon ended unexpectedly: killed by signal %d (%s)%s",
                process->end.si_status, strsignal(process->end.si_status), words);
}
