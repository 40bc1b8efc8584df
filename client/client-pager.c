/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "base-macro.h"
#include "client-pager.h"

/* Quit at the end of one screen, pass colours on, cut long lines, show more than a file name, keep the screen, quit on
 * Ctrl-C. */
#define LESS_DEFAULT "FRSXMK"
#define BLANKS       " \t\n\r"

/* 1 or 0; -ENXIO if the variable is not set; anything else counts as true. */
static int read_switch(const char *name) {
        static const char *const no[] = { "0", "no", "n", "false", "f", "off" };
        const char *value = getenv(name);

        if (!value)
                return -ENXIO;
        for (size_t i = 0; i < N_ELEMENTS(no); i++)
                if (strcasecmp(value, no[i]) == 0)
                        return 0;

        return 1;
}

static void split(ClientPagerPlan *plan) {
        char *state = NULL, *word = strtok_r(plan->command, BLANKS, &state);

        for (size_t i = 0; word && i < PAGER_ARGUMENTS_MAX; i++) {
                plan->arguments[i] = word;
                word = strtok_r(NULL, BLANKS, &state);
        }
}

int client_pager_plan(bool is_own_session, ClientPagerPlan *ret) {
        const char *command = getenv("SYSTEMD_PAGER");
        const int secure = read_switch("SYSTEMD_PAGERSECURE");
        ClientPagerPlan plan = { .is_wanted = true,
                                 .is_secure = secure < 0 ? !is_own_session : secure > 0 };

        if (!command)
                command = getenv("PAGER");
        if (command && (command[strspn(command, BLANKS)] == '\0' || strcmp(command, "cat") == 0))
                plan.is_wanted = false;
        /* Nobody knows whether it has a secure mode, unless the user says so. */
        else if (command && (secure >= 0 || !plan.is_secure)) {
                plan.command = strdup(command);
                if (!plan.command)
                        return -ENOMEM;
                split(&plan);
        }

        *ret = plan;
        return 0;
}

void client_pager_plan_done(ClientPagerPlan *plan) {
        free(plan->command);
        *plan = (ClientPagerPlan){ 0 };
}

static bool is_smart_terminal(int fd) {
        const char *term = getenv("TERM");

        return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

static bool is_own_session(void) {
        uid_t uid;

        return sd_pid_get_owner_uid(0, &uid) >= 0 && uid == geteuid();
}

static void set_environment(bool is_secure) {
        const char *options = getenv("SYSTEMD_LESS"), *charset = getenv("SYSTEMD_LESSCHARSET");

        if (!charset && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
                charset = "utf-8";
        (void) setenv("LESS", options ? options : LESS_DEFAULT, true);
        if (charset)
                (void) setenv("LESSCHARSET", charset, true);
        if (is_secure)
                (void) setenv("LESSSECURE", "1", true);
        else
                (void) unsetenv("LESSSECURE");
}

/* Where there is no pager at all. */
static void copy_through(void) {
        char buffer[BUFSIZ];
        ssize_t n;

        while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0)
                if (write(STDOUT_FILENO, buffer, (size_t) n) != n)
                        break;
}

static _Noreturn void run_pager(const ClientPagerPlan *plan, int reader, int writer) {
        /* Debian's link to the administrator's choice first. */
        static const char *const names[] = { "pager", "less", "more" };

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void) signal(SIGINT, SIG_DFL);
        (void) signal(SIGPIPE, SIG_DFL);
        if (dup2(reader, STDIN_FILENO) < 0)
                _exit(EXIT_FAILURE);
        (void) close(writer); /* where nothing is executed, its end would never come */

        set_environment(plan->is_secure);
        if (plan->arguments[0])
                (void) execvp(plan->arguments[0], plan->arguments);
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (!plan->is_secure || strcmp(names[i], "less") == 0)
                        (void) execlp(names[i], names[i], (char *) NULL);

        copy_through();
        _exit(EXIT_SUCCESS);
}

static void start(const ClientPagerPlan *plan, ClientPager *pager) {
        _cleanup_(closep) int reader = -EBADF, writer = -EBADF, saved = -EBADF;
        int pair[2];

        if (pipe2(pair, O_CLOEXEC) < 0)
                return;
        reader = pair[0];
        writer = pair[1];
        saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (saved < 0)
                return;

        (void) fflush(stdout);
        pager->pid = fork();
        if (pager->pid == 0)
                run_pager(plan, reader, writer);
        if (pager->pid < 0) {
                pager->pid = 0;
                return;
        }

        /* A user who has seen enough leaves before everything is written; and Ctrl-C is for the pager. */
        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGINT, SIG_IGN);
        (void) dup2(writer, STDOUT_FILENO);
        pager->stdout_fd = TAKE_FD(saved);
}

void client_pager_open(const ClientOptions *options, ClientPager *ret) {
        _cleanup_(client_pager_plan_done) ClientPagerPlan plan = { 0 };

        *ret = PAGER_NULL;
        if (options->no_pager || options->json || !is_smart_terminal(STDOUT_FILENO) ||
            client_pager_plan(is_own_session(), &plan) < 0 || !plan.is_wanted)
                return;

        start(&plan, ret);
}

void client_pager_close(ClientPager *pager) {
        if (pager->pid <= 0)
                return;

        /* What the pager did not want is no failure. */
        (void) fflush(stdout);
        (void) dup2(pager->stdout_fd, STDOUT_FILENO);
        clearerr(stdout);
        while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        closep(&pager->stdout_fd);
        *pager = PAGER_NULL;
}
