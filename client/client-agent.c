/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "client-agent.h"

#define AGENT_PATH      "/usr/bin/pkttyagent"
#define AGENT_NOTIFY_FD 3
#define REGISTER_MSEC   10000

static pid_t spawn(int notify_fd) {
        char path[] = AGENT_PATH, notify[] = "--notify-fd", fd[] = "3", fallback[] = "--fallback";
        char *argv[] = { path, notify, fd, fallback, NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int r;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return 0;

        r = posix_spawn_file_actions_adddup2(&actions, notify_fd, AGENT_NOTIFY_FD);
        if (r == 0)
                r = posix_spawn(&pid, path, &actions, NULL, argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);

        return r == 0 ? pid : 0;
}

pid_t client_agent_start(void) {
        struct pollfd registered = { .events = POLLIN };
        _cleanup_(closep) int reader = -EBADF, writer = -EBADF;
        int pair[2];
        pid_t pid;

        if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || access(AGENT_PATH, X_OK) < 0 ||
            pipe2(pair, O_CLOEXEC) < 0)
                return 0;
        reader = pair[0];
        writer = pair[1];

        pid = spawn(writer);
        closep(&writer);
        writer = -EBADF;

        /* The agent closes its end when it is registered, or fails. */
        registered.fd = reader;
        if (pid > 0)
                (void) poll(&registered, 1, REGISTER_MSEC);
        return pid;
}

void client_agent_stop(pid_t pid) {
        if (pid <= 0)
                return;

        /* It may have been stopped because it read from the terminal in the background. */
        (void) kill(pid, SIGTERM);
        (void) kill(pid, SIGCONT);
        (void) waitpid(pid, NULL, 0);
}
