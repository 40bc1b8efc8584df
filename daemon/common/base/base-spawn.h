/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Children of this process; and programs that run to completion, with their output read. */

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "base-error.h"

#define SPAWN_FAILED  127 /* the exit status of a child that could not start */
#define SPAWN_END_MAX ((size_t) 128)

/* What a child is. Its signal mask is empty, its standard input is /dev/null, and all descriptors but
 * the standard ones and @fds are closed when it executes a program. It is killed when the thread that
 * started it ends. */
typedef struct SpawnOptions {
        int output_fd, error_fd; /* borrowed; standard output and error. -EBADF: /dev/null */
        const int *fds;          /* borrowed; what a program inherits under the same numbers */
        size_t n_fds;
        /* Runs in the child: only code that is safe after fork(2) with threads. It ends with
         * spawn_execute(), or a call of _exit(2). */
        void (*run)(void *userdata) __attribute__((__noreturn__));
        void *userdata;
} SpawnOptions;

/**
 * spawn() - start a child
 * @ret_pid:    to be reaped by the caller
 * @ret_pidfd:  owned by the caller
 */
int spawn(const SpawnOptions *options, pid_t *ret_pid, int *ret_pidfd);

/** spawn_execute() - for run(): execute a program; returns only on failure */
int spawn_execute(const char *path, char *const *argv, char *const *environment);

/**
 * spawn_die_with_parent() - kill this process when its parent ends, or if it has already ended
 *
 * For run() after it has changed the user, since the kernel then drops that setting. The first process of a PID
 * namespace cannot see its parent: the caller has to handle that.
 */
int spawn_die_with_parent(pid_t parent);

/** spawn_reap() - wait for a child's end */
void spawn_reap(pid_t pid, siginfo_t *ret);

/** spawn_kill_and_reap() - kill a child, and wait for it; uses @pidfd unless that is negative */
void spawn_kill_and_reap(pid_t pid, int pidfd);

/** spawn_describe_end() - "exited with status 3", "was killed by signal 9 (Killed)"; returns @buffer */
const char *spawn_describe_end(const siginfo_t *end, char buffer[static SPAWN_END_MAX]);

#define PROGRAM_LINE_MAX  ((size_t) 1024) /* bytes of a line, with the NUL; longer ones are cut */
#define PROGRAM_TICK_MSEC 5000

/* A program to run to completion. */
typedef struct SpawnProgram {
        const char *path;         /* borrowed, as all that follow */
        const char *const *argv;  /* ends with NULL */
        char *const *environment; /* the same */
        const char *directory;    /* to run in */
        int output_fd; /* for its standard output; -EBADF: it is read as lines, like standard error */
} SpawnProgram;

typedef struct SpawnEvents {
        void (*line)(void *userdata, const char *text); /* without its end; not empty */
        void (*moved)(void *userdata, size_t bytes);    /* @bytes more went to @output_fd */
        void (*waiting)(void *userdata); /* it was silent for PROGRAM_TICK_MSEC, and still runs */
} SpawnEvents;

/**
 * spawn_run() - run, until it ends
 * @ret_end:    how it ended
 *
 * Its own children are left alone. On failure the program is killed. Return: 0; -EPIPE if nobody reads from
 * @output_fd any more.
 */
int spawn_run(
        const SpawnProgram *program,
        const SpawnEvents *events,
        void *userdata,
        siginfo_t *ret_end,
        Error *error);
