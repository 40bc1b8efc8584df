/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "base-secret.h"
#include "credentials-login.h"
#include "credentials.h"
#include "test-freed.h"

#define NAME "auth.json"

static Credentials *parse(const char *text) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Credentials *credentials = NULL;

        if (credentials_parse(NAME, text, strlen(text), &credentials, &error) < 0)
                fail_msg("%s: %s", text, error_text(&error));
        return credentials;
}

/* Entries of which each has its key for a token. */
static Credentials *parse_keys(const char *const *keys) {
        char text[4096] = "{\"auths\": {";

        for (size_t i = 0; keys[i]; i++)
                (void) snprintf(
                        text + strlen(text), sizeof(text) - strlen(text),
                        "%s\"%s\": {\"identitytoken\": \"%s\"}", i > 0 ? "," : "", keys[i],
                        keys[i]);
        strcat(text, "}}");
        return parse(text);
}

/* @want: the token of the entry; NULL for none. */
static void check_found(
        const Credentials *credentials,
        const char *host,
        const char *repository,
        const char *want) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        const int r = credentials_find(credentials, host, repository, &login, NULL);

        assert_int_equal(r, want != NULL);
        if (want)
                assert_string_equal(login.identity_token, want);
        else
                assert_false(credentials_login_is_set(&login));
}

static void check_error(int r, Error *error, const char *want) {
        assert_int_equal(r, -EINVAL);
        assert_int_equal(error->kind, ERROR_INVALID_OPTION);
        assert_string_equal(error_text(error), want);
        error_clear(error);
}

TEST(user_name_and_password_are_read) {
        _cleanup_(credentials_freep) Credentials *credentials =
                parse("{\"auths\": {\"r.example\": {\"auth\": \"c29tZW9uZTpwYXNzIHdvcmQ6w6k=\"}}}");
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };

        assert_int_equal(credentials_find(credentials, "r.example", "a/b", &login, NULL), 1);
        assert_string_equal(login.username, "someone");
        assert_string_equal(login.password, "pass word:\303\251");
        assert_null(login.identity_token);
}

TEST(longest_key_of_a_repository_counts) {
        static const char *const keys[] = { "r.example/a/b", "r.example", "r.example/a/b/c",
                                            "r.example/a", NULL };
        _cleanup_(credentials_freep) Credentials *credentials = parse_keys(keys);

        check_found(credentials, "r.example", "a/b/c", "r.example/a/b/c");
        check_found(credentials, "r.example", "a/b/c/d", "r.example/a/b/c");
        check_found(credentials, "r.example", "a/b/cd", "r.example/a/b");
        check_found(credentials, "r.example", "a/x", "r.example/a");
        check_found(credentials, "r.example", "ab", "r.example");
        check_found(credentials, "r.example", "A/x", "r.example");
}

TEST(host_is_compared_whole_with_its_port_and_without_case) {
        static const char *const keys[] = { "Reg.Example", "[::1]:5000", NULL };
        static const char *const others[] = {
                "reg.example:443", "reg.example.", "reg.example.evil.org",
                "example",         "eg.example",   "evil.reg.example",
                "reg.example:",    "[::1]",        "",
        };
        _cleanup_(credentials_freep) Credentials *credentials = parse_keys(keys);

        check_found(credentials, "reg.example", "a", "Reg.Example");
        check_found(credentials, "REG.EXAMPLE", "a", "Reg.Example");
        check_found(credentials, "[::1]:5000", "a", "[::1]:5000");
        for (size_t i = 0; i < N_ELEMENTS(others); i++)
                check_found(credentials, others[i], "a", NULL);
}

TEST(keys_of_docker_hub_are_one) {
        static const char *const keys[] = { "https://index.docker.io/v1/", "index.docker.io",
                                            "registry-1.docker.io", "docker.io" };

        for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
                const char *const one[] = { keys[i], NULL };
                _cleanup_(credentials_freep) Credentials *credentials = parse_keys(one);

                check_found(credentials, "docker.io", "library/debian", keys[i]);
                check_found(credentials, "docker.io.example", "library/debian", NULL);
        }
}

TEST(url_is_the_key_of_its_host_and_the_name_precedes_it) {
        static const char *const keys[] = { "https://r.example/v2/a", "http://s.example:5000/v1/",
                                            "https://t.example/v1/",  "t.example",
                                            "https://t.example/v2/",  NULL };
        _cleanup_(credentials_freep) Credentials *credentials = parse_keys(keys);

        check_found(credentials, "r.example", "b", "https://r.example/v2/a");
        check_found(credentials, "s.example:5000", "b", "http://s.example:5000/v1/");
        check_found(credentials, "t.example", "b", "t.example");
}

TEST(entry_that_only_marks_is_skipped) {
        _cleanup_(credentials_freep) Credentials *credentials =
                parse("{\"auths\": {\"r.example/a\": {}, \"r.example/a/b\": {\"auth\": \"\"},"
                      "\"r.example\": {\"identitytoken\": \"host\"}, \"s.example\": {}}}");

        check_found(credentials, "r.example", "a/b", "host");
        check_found(credentials, "s.example", "a", NULL);
}

TEST(file_without_entries_has_none) {
        static const char *const texts[] = { "{}", "{\"auths\": null}",
                                             "{\"auths\": {}, \"x\": [1]}" };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(credentials_freep) Credentials *credentials = parse(texts[i]);
                CredentialsHelper helper;

                check_found(credentials, "r.example", "a", NULL);
                assert_int_equal(
                        credentials_find_helper(credentials, "r.example", &helper, NULL), 0);
                assert_int_equal(
                        credentials_find_store(credentials, "r.example", &helper, NULL), 0);
        }
}

TEST(broken_file_is_told_with_its_line_and_without_its_content) {
        static const struct {
                const char *text, *want;
        } cases[] = {
                { "", NAME " is broken in line 1: it ends too early" },
                { "{\"auths\":\n{\n\"r\": geheim}}", NAME " is broken in line 3: it is not JSON" },
                { "{\"auths\": {\n\"r\": {\"auth\": \"geheim\"",
                  NAME " is broken in line 2: it ends too early" },
                { "{\"auths\": {},\n\"auths\": {}}",
                  NAME " is broken in line 2: a key occurs twice" },
                { "{\n\"geheim\xff\": 1}", NAME " is broken in line 2: it is not UTF-8" },
                { "[\"geheim\"]", NAME " is broken in line 1: it is not a JSON object" },
                { "{\"auths\": \"geheim\"}", NAME " is broken: \"auths\" is not an object" },
                { "{\"credHelpers\": 1}", NAME " is broken: \"credHelpers\" is not an object" },
                { "{\"credsStore\": {}}", NAME " is broken: \"credsStore\" is not a string" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                Credentials *credentials = NULL;
                const char *text = cases[i].text;
                int r = credentials_parse(NAME, text, strlen(text), &credentials, &error);

                check_error(r, &error, cases[i].want);
                assert_null(credentials);
        }
}

TEST(file_above_the_ceiling_is_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) char *text = malloc(CREDENTIALS_FILE_MAX + 1);
        _cleanup_(credentials_freep) Credentials *credentials = NULL;

        memset(text, ' ', CREDENTIALS_FILE_MAX + 1);
        memcpy(text, "{}", 2);
        assert_int_equal(
                credentials_parse(NAME, text, CREDENTIALS_FILE_MAX + 1, &credentials, &error),
                -EFBIG);
        assert_string_equal(error_text(&error), NAME " is larger than 1048576 bytes");
        assert_int_equal(
                credentials_parse(NAME, text, CREDENTIALS_FILE_MAX, &credentials, NULL), 0);
}

TEST(malformed_entry_matters_to_its_own_host_only) {
        static const struct {
                const char *entry, *want;
        } cases[] = {
                { "1", "has no usable credentials" },
                { "{\"auth\": 1}", "has no usable credentials" },
                { "{\"identitytoken\": []}", "has no usable credentials" },
                { "{\"auth\": \"geheim!\"}", "has no user name and password in base64" },
                { "{\"auth\": \"Z2VoZWlt\"}", "has no user name and password in base64" },
                { "{\"auth\": \"YTpnZQBoZWlt\"}", "has no user name and password in base64" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(credentials_freep) Credentials *credentials = NULL;
                CredentialsLogin login = { 0 };
                char text[256], want[256];

                (void) snprintf(
                        text, sizeof(text),
                        "{\"auths\": {\"bad\": %s, \"r.example\": {\"identitytoken\": \"good\"}}}",
                        cases[i].entry);
                (void) snprintf(want, sizeof(want), NAME " is broken: \"bad\" %s", cases[i].want);
                credentials = parse(text);
                check_found(credentials, "r.example", "a", "good");
                check_error(
                        credentials_find(credentials, "bad", "a", &login, &error), &error, want);
                assert_false(credentials_login_is_set(&login));
        }
}

static void check_helper(
        int r, const CredentialsHelper *helper, const char *name, const char *server) {
        assert_int_equal(r, name != NULL);
        if (name) {
                assert_string_equal(helper->name, name);
                assert_string_equal(helper->server, server);
        }
}

TEST(helper_of_a_host_is_asked_for_the_key_of_the_file) {
        _cleanup_(credentials_freep) Credentials *credentials = parse(
                "{\"credHelpers\": {\"r.example\": \"pass\", \"https://index.docker.io/v1/\": \"b\"}}");
        CredentialsHelper helper;
        int r;

        r = credentials_find_helper(credentials, "R.example", &helper, NULL);
        check_helper(r, &helper, "pass", "r.example");
        r = credentials_find_helper(credentials, "docker.io", &helper, NULL);
        check_helper(r, &helper, "b", "https://index.docker.io/v1/");
        r = credentials_find_helper(credentials, "r.example:5000", &helper, NULL);
        check_helper(r, &helper, NULL, NULL);
}

TEST(store_is_asked_for_every_host) {
        _cleanup_(credentials_freep) Credentials *credentials = parse("{\"credsStore\": \"pass\"}");
        CredentialsHelper helper;
        int r;

        r = credentials_find_store(credentials, "r.example:5000", &helper, NULL);
        check_helper(r, &helper, "pass", "r.example:5000");
        r = credentials_find_store(credentials, "docker.io", &helper, NULL);
        check_helper(r, &helper, "pass", "https://index.docker.io/v1/");
}

TEST(helper_whose_name_is_a_path_is_refused) {
        static const char *const names[] = { "\"../evil\"", "\"a/b\"", "\"\"", "1", "\"a b\"" };

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(credentials_freep) Credentials *credentials = NULL;
                CredentialsHelper helper;
                char text[128];

                (void) snprintf(text, sizeof(text), "{\"credHelpers\": {\"r\": %s}}", names[i]);
                credentials = parse(text);
                check_error(
                        credentials_find_helper(credentials, "r", &helper, &error), &error,
                        NAME " is broken: \"r\" is not the name of a credential helper");
        }
}

TEST(what_is_written_is_read_again) {
        static const CredentialsLogin logins[] = {
                { .username = (char *) "me", .password = (char *) "a:b\"\\" },
                { .username = (char *) "", .password = (char *) "" },
                { .identity_token = (char *) "t\"oken" },
                { (char *) "me", (char *) "", (char *) "token" },
        };

        for (size_t i = 0; i < N_ELEMENTS(logins); i++) {
                _cleanup_(credentials_freep) Credentials *written = credentials_new(), *read = NULL;
                _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
                _cleanup_(freep) char *text = NULL;

                assert_non_null(written);
                assert_int_equal(credentials_add(written, "r.example/a", &logins[i], NULL), 0);
                assert_int_equal(credentials_format(written, &text, NULL), 0);
                read = parse(text);
                check_found(read, "r.example", "b", NULL);
                assert_int_equal(credentials_find(read, "r.example", "a", &login, NULL), 1);
                assert_int_equal(!login.username, !logins[i].username);
                assert_int_equal(!login.identity_token, !logins[i].identity_token);
                if (login.username) {
                        assert_string_equal(login.username, logins[i].username);
                        assert_string_equal(login.password, logins[i].password);
                }
                if (login.identity_token)
                        assert_string_equal(login.identity_token, logins[i].identity_token);
        }
}

/* The first test that sets jansson up, and the last one here. */
TEST(secrets_stay_nowhere) {
        static const char text[] = "{\"auths\": {\"r\": {\"auth\": \"bWU6ZHJvd3NzYXA=\"}}}";
        static const char *const secrets[] = { "drowssap", "bWU6ZHJvd3NzYXA=" };

        credentials_set_up();
        for (size_t i = 0; i < N_ELEMENTS(secrets); i++) {
                _cleanup_(secret_freep) char *copy = strdup(text), *formatted = NULL;
                CredentialsLogin login = { 0 };
                Credentials *credentials, *other;

                n_freed_with_text = 0;
                freed_text = secrets[i];
                credentials = parse(copy);
                assert_int_equal(credentials_find(credentials, "r", "a", &login, NULL), 1);
                other = credentials_new();
                assert_int_equal(credentials_add(other, "r/a", &login, NULL), 0);
                assert_int_equal(credentials_format(other, &formatted, NULL), 0);
                assert_non_null(strstr(formatted, "bWU6ZHJvd3NzYXA="));
                credentials_free(credentials);
                credentials_free(other);
                credentials_login_done(&login);
                secret_free(TAKE_PTR(formatted));
                secret_free(TAKE_PTR(copy));
                freed_text = NULL;
                assert_int_equal(n_freed_with_text, 0);
        }
}
