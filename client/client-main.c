/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "client-auth.h"
#include "client-display.h"
#include "client-help.h"
#include "client-intl.h"
#include "client-verbs.h"

static int run_verb(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error) {
        switch (options->verb) {
        case VERB_BOOTSTRAP:
                return client_verb_bootstrap(connection, options, secrets, error);
        case VERB_INSPECT:
                return client_verb_inspect(connection, options, secrets, error);
        case VERB_LIST_TAGS:
                return client_verb_list_tags(connection, options, secrets, error);
        case VERB_VERIFY:
                return client_verb_verify(connection, options, secrets, error);
        case VERB_LIST:
                return client_verb_list(connection, options, error);
        case VERB_SHOW:
                return client_verb_show(connection, options, error);
        case VERB_ATTACH:
                return client_verb_attach(connection, options, error);
        case VERB_CANCEL:
                return client_verb_cancel(connection, options, error);
        case VERB_CACHE_LIST:
                return client_verb_cache_list(connection, options, error);
        case VERB_CACHE_BLOBS:
                return client_verb_cache_blobs(connection, options, error);
        case VERB_CACHE_VERIFY:
                return client_verb_cache_verify(connection, options, error);
        case VERB_CACHE_REMOVE:
                return client_verb_cache_remove(connection, options, error);
        case VERB_CACHE_PRUNE:
                return client_verb_cache_prune(connection, options, error);
        case VERB_MONITOR:
                return client_verb_monitor(connection, options, error);
        case VERB_HELP:
        case VERB_VERSION:
        case _VERB_MAX:
                break;
        }

        assert(0);
        return STATUS_FAILED;
}

/* Secrets pass through this process, and the helpers that it starts: a core dump would leave them on the disk. */
static int dump_no_core(Error *error) {
        const struct rlimit none = { 0, 0 };

        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return error_set_errno(error, errno, "Cannot disable core dumps");
        return 0;
}

static int take_secrets(ClientOptions *options, ClientSecrets *ret, Error *error) {
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        bool is_exposed = false;
        int r;

        if (options->verb != VERB_BOOTSTRAP && options->verb != VERB_INSPECT &&
            options->verb != VERB_LIST_TAGS && options->verb != VERB_VERIFY) {
                client_secret_erase(options);
                return 0;
        }

        r = dump_no_core(error);
        if (r >= 0)
                r = client_secrets_take(options, ret, &is_exposed, error);
        if (r >= 0)
                r = client_auth_take(options, &ret->auth_fd, error);
        if (is_exposed) {
                client_display_init(&display, options);
                client_display_message(
                        &display, NULL, LOG_WARNING,
                        _("Other users can see a password on the command line; use --root-password "
                          "file:PATH"));
        }
        return r;
}

static int run(ClientOptions *options, Error *error) {
        _cleanup_(client_secrets_done) ClientSecrets secrets = SECRETS_NULL;
        _cleanup_(client_connection_closep) ClientConnection *connection = NULL;
        int r;

        r = take_secrets(options, &secrets, error);
        if (r >= 0)
                r = client_connection_open(options, &connection, error);

        return r < 0 ? r : run_verb(connection, options, &secrets, error);
}

/* Before a job is followed, there is nothing to clean up; after that, the signal is blocked. */
static void on_interrupt(int signal_number) {
        (void) signal_number;
        _exit(STATUS_CANCELLED);
}

static int show_failure(const ClientOptions *options, const Error *error) {
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;

        client_display_init(&display, options);
        if (client_outcome_set_error(&outcome, error) < 0)
                return STATUS_FAILED;

        client_display_finished(&display, NULL, &outcome, NULL);
        return client_outcome_status(&outcome, false);
}

/* Our own descriptors must not take the numbers of those that the caller has closed. */
static void open_standard_streams(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
                        (void) open("/dev/null", O_RDWR);
}

int main(int argc, char *argv[]) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const struct sigaction interrupt = { .sa_handler = on_interrupt };
        ClientOptions options;
        int r;

        open_standard_streams();
        (void) setlocale(LC_ALL, "");
        (void) setlocale(LC_NUMERIC, "C"); /* numbers are data too */
        (void) bindtextdomain("virt-bootstrap", LOCALEDIR);
        (void) textdomain("virt-bootstrap");

        r = client_options_parse(argc, argv, &options, &error);
        if (r < 0) {
                client_secret_erase(&options);
                return show_failure(&options, &error);
        }

        (void) sigaction(SIGINT, &interrupt, NULL);
        if (options.verb == VERB_HELP)
                client_help_print(&options);
        else if (options.verb == VERB_VERSION)
                (void) printf("virt-bootstrap %s\n", PACKAGE_VERSION);
        else
                r = run(&options, &error);
        if (r < 0)
                r = show_failure(&options, &error);

        if (fflush(stdout) != 0 || ferror(stdout)) {
                (void) fprintf(stderr, "virt-bootstrap: Cannot write to standard output\n");
                return r == STATUS_DONE ? STATUS_FAILED : r;
        }
        return r;
}
