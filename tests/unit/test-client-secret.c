/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "client-secret.h"

static void expect_content(int fd, const char *expected) {
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(fd_read_all(fd, SECRET_BYTES_MAX, &text, NULL), 0);
        assert_string_equal(text, expected);
}

/* Returns "file:PATH" of a file with @content, in @ret. */
static char *make_file(const char *content, size_t size, char ret[static 64]) {
        _cleanup_(closep) int fd = -EBADF;

        (void) snprintf(ret, 64, "file:/tmp/test-client-secret-XXXXXX");
        fd = mkstemp(ret + strlen("file:"));
        assert_true(fd >= 0);
        assert_int_equal(fd_write_full(fd, content, size), 0);
        return ret;
}

static void remove_file(const char *selector) {
        assert_int_equal(unlink(selector + strlen("file:")), 0);
}

TEST(plain_passwords_are_handed_over_and_erased) {
        _cleanup_(client_secrets_done) ClientSecrets secrets = SECRETS_NULL;
        char password[] = "geheim", root_password[] = "noch geheimer";
        ClientOptions options = {
                .username = "me",
                .password = password,
                .root_password = root_password,
        };
        bool is_exposed;

        assert_int_equal(client_secrets_take(&options, &secrets, &is_exposed, NULL), 0);
        expect_content(secrets.password_fd, "geheim");
        expect_content(secrets.root_password_fd, "noch geheimer");
        assert_true(is_exposed);
        assert_null(options.password);
        assert_null(options.root_password);
        for (size_t i = 0; i < sizeof(password); i++)
                assert_int_equal(password[i], 0);
        for (size_t i = 0; i < sizeof(root_password); i++)
                assert_int_equal(root_password[i], 0);
}

/* Takes a password from a file, on a stack that can be looked through. */
static void *take_from_file(void *userdata) {
        ClientOptions options = { .username = "me", .password = userdata };
        ClientSecrets secrets = SECRETS_NULL;
        bool is_exposed;

        assert_int_equal(client_secrets_take(&options, &secrets, &is_exposed, NULL), 0);
        client_secrets_done(&secrets);
        return NULL;
}

TEST(password_of_a_file_does_not_stay_on_the_stack) {
        const size_t size = 256 * 1024;
        char selector[64], *stack;
        pthread_attr_t attributes;
        pthread_t thread;

        assert_int_equal(posix_memalign((void **) &stack, 4096, size), 0);
        memset(stack, 0, size);
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstack(&attributes, stack, size), 0);
        (void) make_file("geheim\n", 7, selector);
        assert_int_equal(pthread_create(&thread, &attributes, take_from_file, selector), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_null(memmem(stack, size, "geheim", 6));
        remove_file(selector);
        (void) pthread_attr_destroy(&attributes);
        free(stack);
}

TEST(handed_over_secret_cannot_be_changed) {
        _cleanup_(client_secrets_done) ClientSecrets secrets = SECRETS_NULL;
        char root_password[] = "geheim";
        ClientOptions options = { .root_password = root_password };
        bool is_exposed;

        assert_int_equal(client_secrets_take(&options, &secrets, &is_exposed, NULL), 0);
        assert_int_equal(write(secrets.root_password_fd, "x", 1), -1);
        assert_int_equal(ftruncate(secrets.root_password_fd, 0), -1);
        expect_content(secrets.root_password_fd, "geheim");
}

TEST(first_line_of_a_file_is_taken) {
        static const char *const contents[] = {
                "geheim",
                "geheim\n",
                "geheim\r\n",
                "geheim\nmore\n",
        };

        for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
                _cleanup_(client_secrets_done) ClientSecrets secrets = SECRETS_NULL;
                char selector[64];
                ClientOptions options = {
                        .root_password = make_file(contents[i], strlen(contents[i]), selector),
                };
                bool is_exposed;

                assert_int_equal(client_secrets_take(&options, &secrets, &is_exposed, NULL), 0);
                expect_content(secrets.root_password_fd, "geheim");
                assert_false(is_exposed);
                remove_file(selector);
        }
}

TEST(unusable_file_is_refused_without_its_content) {
        char big[SECRET_BYTES_MAX], selector[64];
        const struct {
                const char *content;
                size_t size;
                int code;
        } files[] = {
                { "", 0, -EINVAL },
                { "\ngeheim", 7, -EINVAL },
                { big, sizeof(big), -EFBIG },
        };

        memset(big, 'g', sizeof(big));
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                ClientSecrets secrets = SECRETS_NULL;
                ClientOptions options = {
                        .root_password = make_file(files[i].content, files[i].size, selector),
                };
                bool is_exposed;

                assert_int_equal(
                        client_secrets_take(&options, &secrets, &is_exposed, &error),
                        files[i].code);
                assert_true(secrets.root_password_fd < 0);
                assert_null(strstr(error.message, "geheim"));
                remove_file(selector);
        }
}

TEST(missing_file_is_named) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char selector[] = "file:/nonexistent/password";
        ClientOptions options = { .username = "me", .password = selector };
        ClientSecrets secrets = SECRETS_NULL;
        bool is_exposed;

        assert_int_equal(client_secrets_take(&options, &secrets, &is_exposed, &error), -ENOENT);
        assert_non_null(strstr(error.message, "/nonexistent/password"));
}

TEST(password_without_a_user_name_is_ignored) {
        char password[] = "geheim";
        ClientOptions options = { .password = password };
        ClientSecrets secrets = SECRETS_NULL;
        bool is_exposed;

        assert_int_equal(client_secrets_take(&options, &secrets, &is_exposed, NULL), 0);
        assert_true(secrets.password_fd < 0);
        assert_int_equal(password[0], 0);
}

TEST(nothing_is_asked_when_asking_is_forbidden) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        ClientOptions options = { .username = "me", .no_ask_password = true };
        ClientSecrets secrets = SECRETS_NULL;
        bool is_exposed;

        assert_int_equal(client_secrets_take(&options, &secrets, &is_exposed, &error), -EINVAL);
        assert_int_equal(error.kind, ERROR_AUTHENTICATION_REQUIRED);
}
