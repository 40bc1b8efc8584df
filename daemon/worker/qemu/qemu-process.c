/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-program.h"
#include "base-spawn.h"
#include "qemu-process.h"
#include "qemu-words.h"

#define END_WAIT_MS       5000 /* from a lost connection to the end of the process */
#define STDERR_TAIL_BYTES ((size_t) 4096)

struct QemuProcess {
        pid_t pid;
        int pidfd;     /* owned */
        int stderr_fd; /* owned; the read end of a pipe */
        bool ended;
        siginfo_t end; /* if ended */
};

/* Sent by the child if it fails before executing the program. */
typedef struct Failure {
        int code;
        ErrorKind kind;
        char text[512];
} Failure;

/* glibc returns large buffers to the kernel whenever they are freed, and each page of the next one is then
 * a page fault: writing large blocks takes several times as long. */
static char *const environment[] = {
        (char *) "LC_ALL=C",
        (char *) "MALLOC_MMAP_THRESHOLD_=67108864",
        (char *) "MALLOC_TRIM_THRESHOLD_=268435456",
        NULL,
};

/* Do this before the child is confined, when directories of $PATH can still be found. */
static int find_qemu(const char *name, char **ret, Error *error) {
        int r = program_find(name, ret, error);

        if (r != -ENOENT)
                return r;
        return error_set(
                error, ENOENT, ERROR_NOT_FOUND,
                "%s is not installed; on Debian it is in the package qemu-system-common", name);
}

/* Parameters of the child. */
typedef struct Child {
        const QemuProcessOptions *options; /* borrowed */
        const char *path;
        pid_t parent;
        int failure_fd;
} Child;

static int prepare(const Child *child, Error *error) {
        const QemuProcessOptions *options = child->options;
        int r = 0;

        (void) fd_raise_limit();
        if (options->confine)
                r = options->confine(options->userdata, error);
        if (r < 0)
                return r;

        r = spawn_die_with_parent(child->parent);
        return r < 0 ? error_set_errno(error, -r, "Cannot bind the process to its parent") : 0;
}

static _Noreturn void run_child(void *userdata) {
        const Child *child = userdata;
        Error error = ERROR_NULL;
        Failure failure = { 0 };
        int r;

        if (prepare(child, &error) >= 0) {
                r = spawn_execute(child->path, child->options->arguments, environment);
                (void) error_set_errno(&error, -r, "Cannot execute %s", child->path);
        }

        failure.code = error.code;
        failure.kind = error.kind;
        (void) snprintf(failure.text, sizeof(failure.text), "%s", error_text(&error));
        (void) fd_write_full(child->failure_fd, &failure, sizeof(failure));
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

static int start(
        const QemuProcessOptions *options,
        const char *path,
        const int fds[2],
        QemuProcess *process,
        Error *error) {
        Child child = {
                .options = options,
                .path = path,
                .parent = getpid(),
                .failure_fd = fds[1],
        };
        const SpawnOptions how = {
                .output_fd = -EBADF,
                .error_fd = fds[0],
                .fds = options->fds,
                .n_fds = options->n_fds,
                .run = run_child,
                .userdata = &child,
        };
        int r = spawn(&how, &process->pid, &process->pidfd);

        return r < 0 ? error_set_errno(error, -r, "Cannot start a process") : 0;
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
                return error_set_errno(error, errno, "Cannot create a pipe");
        process->stderr_fd = fds[0];
        stderr_fd = fds[1];
        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Cannot create a pipe");
        read_fd = fds[0];
        write_fd = fds[1];

        r = start(options, path, (const int[2]){ stderr_fd, write_fd }, process, error);
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
        if (!process->ended)
                spawn_reap(process->pid, &process->end);
        process->ended = true;
}

QemuProcess *qemu_process_free(QemuProcess *process) {
        if (!process)
                return NULL;

        if (process->pid > 0 && !process->ended)
                spawn_kill_and_reap(process->pid, process->pidfd);
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
                        "qemu-storage-daemon closed its connections but is still running");

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
