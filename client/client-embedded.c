/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "client-embedded.h"

#define EMBEDDED_FD       3
#define STOP_SECONDS      30  /* at most, it has to remove the leftovers of a job */
#define TERMINATE_SECONDS 5   /* between SIGTERM and SIGKILL */
#define RECOVER_SECONDS   600 /* removing a big tree takes a while */

static const char *daemon_path(void) {
        const char *path = getenv("VIRTBOOTSTRAP_DAEMON");

        return path && *path ? path : LIBEXECDIR "/virt-bootstrapd";
}

static int set_up_attributes(posix_spawnattr_t *attributes) {
        sigset_t none, reset;
        int r;

        (void) sigemptyset(&none);
        (void) sigemptyset(&reset);
        (void) sigaddset(&reset, SIGINT);
        (void) sigaddset(&reset, SIGTERM);
        (void) sigaddset(&reset, SIGHUP);

        r = posix_spawnattr_setsigmask(attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attributes, &reset);
        if (r == 0)
                r = posix_spawnattr_setflags(
                        attributes,
                        POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return r;
}

/* @fd becomes EMBEDDED_FD, unless it is negative. */
static int spawn(char *const argv[], int fd, ClientEmbedded *ret, Error *error) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        ClientEmbedded embedded = EMBEDDED_NULL;
        int r;

        if (posix_spawnattr_init(&attributes) != 0)
                return error_oom(error);
        if (posix_spawn_file_actions_init(&actions) != 0) {
                (void) posix_spawnattr_destroy(&attributes);
                return error_oom(error);
        }

        r = set_up_attributes(&attributes);
        if (r == 0 && fd >= 0)
                r = posix_spawn_file_actions_adddup2(&actions, fd, EMBEDDED_FD);
        /* After the socket, which may have one of these numbers. Only the client prints data. */
        if (r == 0)
                r = posix_spawn_file_actions_addopen(
                        &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(
                        &actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = posix_spawn(&embedded.pid, argv[0], &actions, &attributes, argv, environ);

        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attributes);
        if (r != 0)
                return error_set(
                        error, r, ERROR_DAEMON_UNAVAILABLE, "Cannot start %s: %s", argv[0],
                        error_errno_text(r));

        embedded.pidfd = pidfd_open(embedded.pid, 0);
        if (embedded.pidfd < 0) {
                r = errno;
                (void) kill(embedded.pid, SIGKILL);
                (void) waitpid(embedded.pid, NULL, 0);
                return error_set_errno(error, r, "Cannot watch %s", argv[0]);
        }

        *ret = embedded;
        return 0;
}

int client_embedded_start(const char *log_level, ClientEmbedded *ret, int *ret_fd, Error *error) {
        _cleanup_(freep) char *level = NULL, *path = NULL;
        _cleanup_(closep) int ours = -EBADF, theirs = -EBADF;
        char fd[] = "--embedded-fd=3";
        int pair[2], r;

        if (asprintf(&path, "%s", daemon_path()) < 0) {
                path = NULL;
                return error_oom(error);
        }
        if (asprintf(&level, "--log-level=%s", log_level) < 0) {
                level = NULL;
                return error_oom(error);
        }

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set_errno(error, errno, "Cannot create a socket pair");
        ours = pair[0];
        theirs = pair[1];

        r = spawn((char *[]){ path, fd, level, NULL }, theirs, ret, error);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(ours);
        return 0;
}

/* Waits up to @seconds for the process to exit; returns its status, -ETIMEDOUT or another negative errno. */
static int wait_for(ClientEmbedded *embedded, unsigned seconds) {
        struct pollfd ended = { .fd = embedded->pidfd, .events = POLLIN };
        pid_t pid;
        int r, status;

        do /* poll() is also interrupted when this program was stopped and continues */
                r = poll(&ended, 1, (int) seconds * 1000);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        if (r == 0)
                return -ETIMEDOUT;

        pid = waitpid(embedded->pid, &status, 0);
        embedded->pid = 0;
        return pid > 0 ? status : -ECHILD;
}

void client_embedded_stop(ClientEmbedded *embedded) {
        if (embedded->pid > 0 && wait_for(embedded, STOP_SECONDS) == -ETIMEDOUT)
                (void) kill(embedded->pid, SIGTERM);
        if (embedded->pid > 0 && wait_for(embedded, TERMINATE_SECONDS) == -ETIMEDOUT)
                (void) kill(embedded->pid, SIGKILL);
        if (embedded->pid > 0)
                (void) waitpid(embedded->pid, NULL, 0);

        closep(&embedded->pidfd);
        *embedded = EMBEDDED_NULL;
}

int client_embedded_recover(Error *error) {
        ClientEmbedded recovery = EMBEDDED_NULL;
        _cleanup_(freep) char *path = NULL;
        char recover[] = "--recover", level[] = "--log-level=err";
        int r, status;

        if (asprintf(&path, "%s", daemon_path()) < 0) {
                path = NULL;
                return error_oom(error);
        }

        r = spawn((char *[]){ path, recover, level, NULL }, -EBADF, &recovery, error);
        if (r < 0)
                return r;

        status = wait_for(&recovery, RECOVER_SECONDS);
        if (status == -ETIMEDOUT)
                (void) kill(recovery.pid, SIGTERM);
        client_embedded_stop(&recovery);
        return status == 0 ? 0 : error_set(error, EIO, ERROR_FAILED, "%s --recover failed", path);
}
