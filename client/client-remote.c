/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "client-remote.h"

#define PORT_DIGITS_MAX 5U
#define ARGUMENTS_MAX   8
#define NO_PROGRAM      127  /* as a shell says it */
#define END_MSEC_MAX    1000 /* of ssh, after its input has ended */
#define LETTERS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS          "0123456789"

/* Whether the first @n bytes are a name of letters, digits and @others, and not an option. */
static bool is_name(const char *text, size_t n, const char *others) {
        if (n == 0 || n >= REMOTE_PART_MAX || *text == '-')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!strchr(LETTERS DIGITS, text[i]) && !strchr(others, text[i]))
                        return false;

        return true;
}

/* Returns what follows the host; NULL if there is none. */
static const char *skip_host(const char *text) {
        const char *end;

        if (*text == '[') {
                end = strchr(text, ']');
                return end && is_name(text + 1, (size_t) (end - text) - 1, ".:%_-") ? end + 1
                                                                                    : NULL;
        }

        end = text + strcspn(text, ":/");
        return is_name(text, (size_t) (end - text), "._-") ? end : NULL;
}

static bool is_port(const char *text, size_t n) {
        return n > 0 && n <= PORT_DIGITS_MAX && strspn(text, DIGITS) >= n;
}

static bool parse(const char *text, ClientRemoteHost *ret) {
        const size_t n_user = strcspn(text, "@/");
        const char *host = text[n_user] == '@' ? text + n_user + 1 : text;
        const char *end = skip_host(host);
        size_t n;

        if (!end || (host > text && !is_name(text, n_user, "._+-")) ||
            (size_t) (end - text) >= REMOTE_PART_MAX)
                return false;

        /* ssh takes an address without its brackets. */
        n = (size_t) (host - text);
        memcpy(ret->host, text, n);
        (void) snprintf(
                ret->host + n, REMOTE_PART_MAX - n, "%.*s",
                (int) (end - host) - (*host == '[' ? 2 : 0), host + (*host == '['));

        if (*end == ':') {
                n = strcspn(++end, "/");
                if (!is_port(end, n))
                        return false;
                (void) snprintf(ret->port, sizeof(ret->port), "%.*s", (int) n, end);
                end += n;
        }
        if (*end == '/') {
                n = strlen(++end);
                if (!is_name(end, n, "._-"))
                        return false;
                (void) snprintf(ret->container, sizeof(ret->container), "%s", end);
                end += n;
        }
        return *end == '\0';
}

int client_remote_parse(const char *text, ClientRemoteHost *ret, Error *error) {
        ClientRemoteHost host = { 0 };

        if (!parse(text, &host))
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is not a host; expected [USER@]HOST[:PORT][/CONTAINER]", text);

        *ret = host;
        return 0;
}

static _Noreturn void run_ssh(const ClientRemoteHost *host, int fd) {
        /* Those that terminals, timeout(1) and service managers send to the whole group. */
        static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
        char machine[sizeof("--machine=") + REMOTE_PART_MAX];
        const char *argv[ARGUMENTS_MAX + 1] = { "ssh", "-xT" };
        size_t n = 2;
        sigset_t none;

        if (host->port[0] != '\0') {
                argv[n++] = "-p";
                argv[n++] = host->port;
        }
        argv[n++] = "--";
        argv[n++] = host->host;
        argv[n++] = "systemd-stdio-bridge";
        if (host->container[0] != '\0') {
                (void) snprintf(machine, sizeof(machine), "--machine=%s", host->container);
                argv[n++] = machine;
        }
        assert(n <= ARGUMENTS_MAX);

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < N_ELEMENTS(ignored); i++)
                (void) signal(ignored[i], SIG_IGN);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
                (void) execvp(argv[0], (char *const *) argv);
        (void) fprintf(stderr, "virt-bootstrap: Cannot start ssh: %s\n", strerror(errno));
        _exit(NO_PROGRAM);
}

int client_remote_start(const ClientRemoteHost *host, pid_t *ret, int *ret_fd, Error *error) {
        _cleanup_(closep) int ours = -EBADF, theirs = -EBADF;
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set_errno(error, errno, "Cannot create a socket pair");
        ours = pair[0];
        theirs = pair[1];

        pid = fork();
        if (pid < 0)
                return error_set_errno(error, errno, "Cannot start ssh");
        if (pid == 0)
                run_ssh(host, theirs);

        *ret = pid;
        *ret_fd = TAKE_FD(ours);
        return 0;
}

/* It ends by itself when the other end has seen that the connection is closed. */
static void wait_for_end(pid_t pid) {
        _cleanup_(closep) int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        struct pollfd end = { .fd = fd, .events = POLLIN };

        if (fd >= 0)
                (void) poll(&end, 1, END_MSEC_MAX);
}

void client_remote_stop(pid_t pid) {
        if (pid <= 0)
                return;

        wait_for_end(pid);
        (void) kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}
