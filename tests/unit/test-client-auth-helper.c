/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base-macro.h"
#include "client-auth-helper.h"
#include "credentials-login.h"

#define SERVER "r.example:5000"
#define SOON   (USEC_PER_SEC / 5)

static int set_up(void **state) {
        Scratch *scratch = calloc(1, sizeof(*scratch));
        char path[2 * SCRATCH_PATH_MAX];

        scratch_init(scratch);
        (void) snprintf(path, sizeof(path), "%s:/usr/bin:/bin", scratch->path);
        assert_int_equal(setenv("PATH", path, 1), 0);
        *state = scratch;
        return 0;
}

static int tear_down(void **state) {
        Scratch *scratch = *state;

        assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
        scratch_done(scratch);
        free(scratch);
        return 0;
}

#define HELPER_TEST(name) TEST_WITH(name, set_up, tear_down)

static int ask(
        const Scratch *scratch,
        const char *script,
        uint64_t usec,
        CredentialsLogin *ret,
        Error *error) {
        const CredentialsHelper helper = { .name = "test", .server = SERVER };
        char text[1024];

        if (script) {
                (void) snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
                scratch_write(scratch, "docker-credential-test", text);
                assert_int_equal(chmod(scratch_at(scratch, "docker-credential-test"), 0755), 0);
        }
        return client_auth_helper_ask(&helper, usec, ret, error);
}

static void check_failure(
        const Scratch *scratch, const char *script, int code, const char *sentence) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        CredentialsLogin login = { 0 };

        assert_int_equal(ask(scratch, script, CLIENT_AUTH_HELPER_USEC, &login, &error), -code);
        assert_string_equal(error_text(&error), sentence);
        assert_false(credentials_login_is_set(&login));
}

HELPER_TEST(helper_is_asked_for_the_server) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        const int r = ask(
                *state,
                "server=$(cat)\n"
                "printf '{\"Username\": \"%s %s\", \"Secret\": \"%s\"}' \"$1\" \"$#\" \"$server\"",
                CLIENT_AUTH_HELPER_USEC, &login, NULL);

        assert_int_equal(r, 1);
        assert_string_equal(login.username, "get 1");
        assert_string_equal(login.password, SERVER);
}

HELPER_TEST(helper_that_reads_nothing_and_leaves_a_process_behind_is_enough) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        const int r =
                ask(*state,
                    "exec 0</dev/null\n"
                    "sleep 1000 &\n"
                    "echo $! >${0%/*}/pid\n"
                    "echo '{\"Username\": \"<token>\", \"Secret\": \"geheim\"}'",
                    CLIENT_AUTH_HELPER_USEC, &login, NULL);
        char *pid = scratch_read(*state, "pid");

        assert_int_equal(kill(atoi(pid), SIGKILL), 0);
        free(pid);
        assert_int_equal(r, 1);
        assert_string_equal(login.identity_token, "geheim");
}

HELPER_TEST(helper_that_has_none_is_no_error) {
        CredentialsLogin login = { 0 };

        assert_int_equal(
                ask(*state, "echo credentials not found in native keychain; exit 1",
                    CLIENT_AUTH_HELPER_USEC, &login, NULL),
                0);
        assert_int_equal(
                ask(*state, "echo '{\"Username\": \"\", \"Secret\": \"\"}'",
                    CLIENT_AUTH_HELPER_USEC, &login, NULL),
                0);
        assert_false(credentials_login_is_set(&login));
}

HELPER_TEST(failure_is_told_in_the_helpers_words) {
        check_failure(
                *state, "echo the store is locked; echo more; exit 3", EREMOTEIO,
                "docker-credential-test has no credentials for " SERVER ": the store is locked");
        check_failure(
                *state, "exit 3", EREMOTEIO,
                "docker-credential-test has no credentials for " SERVER ": exited with status 3");
        check_failure(
                *state, "kill -9 $$", EREMOTEIO,
                "docker-credential-test has no credentials for " SERVER
                ": was killed by signal 9 (Killed)");
}

HELPER_TEST(senseless_answer_is_not_quoted) {
        check_failure(
                *state, "echo geheim", EINVAL,
                "docker-credential-test gives no usable credentials for " SERVER);
}

HELPER_TEST(endless_answer_is_cut_off) {
        check_failure(
                *state, "exec yes", EFBIG,
                "Cannot run docker-credential-test for " SERVER ": File too large");
}

HELPER_TEST(helper_that_is_not_there_is_told) {
        check_failure(
                *state, NULL, ENOENT,
                "The credential helper docker-credential-test for " SERVER " is not installed");
}

/* However far it has come by then. */
HELPER_TEST(helper_that_does_not_end_is_killed) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        CredentialsLogin login = { 0 };

        assert_int_equal(ask(*state, "exec sleep 1000", SOON, &login, &error), -ETIMEDOUT);
        assert_string_equal(
                error_text(&error),
                "docker-credential-test did not answer for " SERVER " within 0 seconds");
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}
