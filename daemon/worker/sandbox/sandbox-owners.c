/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-macro.h"
#include "base-program.h"
#include "base-spawn.h"
#include "base-subid.h"
#include "sandbox-owners.h"

#define NUMBER_MAX    11 /* of a 32 bit id in decimal, with the NUL */
#define ARGUMENTS_MAX (2 + 3 * ID_RANGES_MAX + 1)

/* A child that only exists to be in a user namespace, which is mapped from outside, and entered only after
 * that has succeeded. */
typedef struct Holder {
        pid_t pid;  /* 0: none */
        int pid_fd; /* owned */
        int end_fd; /* owned; it ends when this is closed, or with its parent */
} Holder;

static void holder_done(Holder *holder) {
        closep(&holder->end_fd);
        closep(&holder->pid_fd);
        if (holder->pid > 0) {
                siginfo_t end;

                spawn_reap(holder->pid, &end);
        }
}

typedef struct Hold {
        int wait_fd, end_fd, say_fd; /* borrowed */
} Hold;

/* In the child: sends 0 or an errno, and waits for the end. */
static _Noreturn void hold(void *userdata) {
        const Hold *hold = userdata;
        int code = 0;
        char byte;

        (void) close(hold->end_fd);
        if (unshare(CLONE_NEWUSER) < 0)
                code = errno;
        if (write(hold->say_fd, &code, sizeof(code)) != sizeof(code))
                _exit(EXIT_FAILURE);
        (void) !read(hold->wait_fd, &byte, 1);
        _exit(EXIT_SUCCESS);
}

static int holder_start(Holder *holder, Error *error) {
        _cleanup_(closep) int wait_fd = -EBADF, said_fd = -EBADF, say_fd = -EBADF;
        int said[2], wait[2], code = 0, r;
        Hold own;

        if (pipe2(wait, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Cannot create a pipe");
        wait_fd = wait[0];
        holder->end_fd = wait[1];
        if (pipe2(said, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Cannot create a pipe");
        said_fd = said[0];
        say_fd = said[1];

        own = (Hold){ .wait_fd = wait_fd, .end_fd = holder->end_fd, .say_fd = say_fd };
        r = spawn(
                &(SpawnOptions){
                        .output_fd = STDOUT_FILENO,
                        .error_fd = STDERR_FILENO,
                        .run = hold,
                        .userdata = &own,
                },
                &holder->pid, &holder->pid_fd);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot start a process");

        closep(&say_fd);
        say_fd = -EBADF;
        if (read(said_fd, &code, sizeof(code)) != sizeof(code))
                code = ECHILD;
        /* ENOSPC means that their number is limited, not that a disk is full. */
        if (code != 0)
                return error_set(
                        error, EPERM, ERROR_INVALID_OPTION,
                        "An id map of this user needs a user namespace, which this system does not allow "
                        "(%s): run as root, or use the format qcow2, which keeps all owners",
                        strerror(code));
        return 0;
}

/* The last output of a program. */
static void on_line(void *userdata, const char *text) {
        (void) snprintf(userdata, PROGRAM_LINE_MAX, "%s", text);
}

static void on_moved(void *userdata, size_t bytes) {
        /* It writes lines only. */
}

static void on_waiting(void *userdata) {
        /* It may wait for a user database. */
}

/* Runs newuidmap(1) or newgidmap(1). */
static int run_mapper(const char *name, char *const *numbers, size_t n, Error *error) {
        static const SpawnEvents events = {
                .line = on_line,
                .moved = on_moved,
                .waiting = on_waiting,
        };
        char *const environment[] = { (char *) "LC_ALL=C.UTF-8", NULL };
        const char *argv[ARGUMENTS_MAX] = { name };
        _cleanup_(freep) char *path = NULL;
        char said[PROGRAM_LINE_MAX] = "";
        SpawnProgram program = {
                .argv = argv,
                .environment = environment,
                .directory = "/",
                .output_fd = -EBADF,
        };
        siginfo_t end;
        int r;

        r = program_find(name, &path, error);
        if (r == -ENOENT)
                return error_set(
                        error, ENOENT, ERROR_FAILED, "An id map needs %s, which is not installed",
                        name);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++)
                argv[i + 1] = numbers[i];
        program.path = path;
        r = spawn_run(&program, &events, said, &end, error);
        if (r < 0)
                return r;
        return end.si_code == CLD_EXITED && end.si_status == 0
                       ? 0
                       : error_set(
                                 error, EPERM, ERROR_FAILED, "Cannot map the ids of this user: %s",
                                 said[0] != '\0' ? said : name);
}

static int map_ids(const char *name, pid_t pid, const IdMap *own, Error *error) {
        _cleanup_(freep) char *text = NULL;
        char *numbers[1 + 3 * ID_RANGES_MAX];
        size_t n = 0;

        text = malloc(N_ELEMENTS(numbers) * NUMBER_MAX);
        if (!text)
                return error_oom(error);
        for (size_t i = 0; i < N_ELEMENTS(numbers); i++)
                numbers[i] = text + i * NUMBER_MAX;

        (void) snprintf(numbers[n++], NUMBER_MAX, "%" PRIu32, (uint32_t) pid);
        for (size_t i = 0; i < own->n_ranges; i++) {
                (void) snprintf(numbers[n++], NUMBER_MAX, "%" PRIu32, own->ranges[i].start);
                (void) snprintf(numbers[n++], NUMBER_MAX, "%" PRIu32, own->ranges[i].start);
                (void) snprintf(numbers[n++], NUMBER_MAX, "%" PRIu32, own->ranges[i].count);
        }
        return run_mapper(name, numbers, n, error);
}

/* A descriptor belongs to the mount namespace in which it was opened: find it by its path in another. */
static int reopen(int *dir_fd, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        char link[FD_PATH_MAX], path[PATH_MAX];
        struct stat before, now;
        ssize_t n;

        n = readlink(fd_path(*dir_fd, link), path, sizeof(path) - 1);
        if (n < 0)
                return error_set_errno(error, errno, "Cannot find the tree");
        path[n] = '\0';

        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the tree");
        if (fstat(*dir_fd, &before) < 0 || fstat(fd, &now) < 0 || before.st_dev != now.st_dev ||
            before.st_ino != now.st_ino)
                return error_set(
                        error, ESTALE, ERROR_FAILED, "The tree was moved from under the worker");

        (void) close(*dir_fd);
        *dir_fd = TAKE_FD(fd);
        return 0;
}

int sandbox_owners_enter_namespace(int *dir_fd, Error *error) {
        _cleanup_(holder_done) Holder holder = { .pid_fd = -EBADF, .end_fd = -EBADF };
        SubIds own;
        int r;

        if (geteuid() == 0)
                return 0;
        r = subid_read(&own, error);
        if (r < 0 || !subid_has_others(&own))
                return r;

        r = holder_start(&holder, error);
        if (r >= 0)
                r = map_ids("newuidmap", holder.pid, &own.uids, error);
        if (r >= 0)
                r = map_ids("newgidmap", holder.pid, &own.gids, error);
        if (r < 0)
                return r;

        if (setns(holder.pid_fd, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)
                return error_set_errno(
                        error, errno, "Cannot enter the user namespace of an id map");
        r = reopen(dir_fd, error);
        return r < 0 ? r : 1;
}
