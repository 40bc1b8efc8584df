/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "registry-response.h"
#include "test-freed.h"

static void set_body(RegistryResponse *response, const char *text) {
        assert_int_equal(registry_response_append(response, text, strlen(text), 1000, NULL), 0);
}

TEST(statuses_are_told_apart) {
        static const struct {
                long status;
                bool has_credentials;
                ErrorKind kind;
        } cases[] = {
                { 401, false, ERROR_AUTHENTICATION_REQUIRED },
                { 401, true, ERROR_ACCESS_DENIED },
                { 403, false, ERROR_ACCESS_DENIED },
                { 403, true, ERROR_ACCESS_DENIED },
                { 404, false, ERROR_NOT_FOUND },
                { 429, false, ERROR_TOO_MANY_REQUESTS },
                { 500, false, ERROR_REGISTRY_ERROR },
                { 204, false, ERROR_REGISTRY_ERROR },
                { 304, false, ERROR_REGISTRY_ERROR },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                RegistryResponse response = { .status = cases[i].status, .host = "r.example" };

                assert_int_equal(registry_challenges_add(&response.challenges, "Basic realm=x"), 0);
                assert_true(
                        registry_response_error(&response, NULL, cases[i].has_credentials, &error) <
                        0);
                assert_int_equal(error.kind, cases[i].kind);
                assert_non_null(strstr(error_text(&error), "r.example"));
        }
}

TEST(credentials_that_nothing_asked_for_were_not_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistryResponse response = { .status = 401, .host = "r.example" };

        assert_int_equal(registry_challenges_add(&response.challenges, "Negotiate"), 0);
        assert_true(registry_response_error(&response, "r.example", true, &error) < 0);
        assert_int_equal(error.kind, ERROR_AUTHENTICATION_REQUIRED);
}

TEST(login_is_suggested_where_one_would_help) {
        static const struct {
                const char *registry, *challenge;
                bool has_credentials;
                const char *sentence;
        } cases[] = {
                { "docker.io", "Basic realm=x", false,
                  "r.example requires authentication; use --username, or podman login docker.io" },
                { "docker.io", "Bearer realm=\"https://x\",error=\"insufficient_scope\"", false,
                  "r.example requires authentication, or does not have it; use --username, or podman login "
                  "docker.io" },
                { "docker.io", "Basic realm=x", true,
                  "r.example refuses the user name or password; use another --username, or podman login "
                  "docker.io" },
                { NULL, "Basic realm=x", false, "r.example requires authentication" },
                { "docker.io", "Negotiate", true,
                  "r.example requires an unsupported kind of authentication" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                RegistryResponse response = { .status = 401, .host = "r.example" };

                assert_int_equal(
                        registry_challenges_add(&response.challenges, cases[i].challenge), 0);
                assert_true(
                        registry_response_error(
                                &response, cases[i].registry, cases[i].has_credentials, &error) <
                        0);
                assert_string_equal(error_text(&error), cases[i].sentence);
        }
}

TEST(registrys_own_words_end_the_sentence) {
        _cleanup_(registry_response_done) RegistryResponse response = {
                .status = 404,
                .host = "r.example",
        };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        set_body(
                &response,
                "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"no \\n name\"}]}");
        assert_true(registry_response_error(&response, "r.example", false, &error) < 0);
        assert_string_equal(
                error_text(&error), "r.example does not have it: NAME_UNKNOWN: no name");
}

TEST(body_grows_up_to_its_ceiling) {
        _cleanup_(registry_response_done) RegistryResponse response = { .host = "r.example" };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char piece[1000];

        memset(piece, 'x', sizeof(piece));
        for (size_t i = 0; i < 10; i++)
                assert_int_equal(
                        registry_response_append(&response, piece, sizeof(piece), 10000, NULL), 0);
        assert_int_equal(registry_response_append(&response, piece, 1, 10000, &error), -EFBIG);
        assert_int_equal(error.kind, ERROR_LIMIT_EXCEEDED);
        assert_int_equal(response.size, 10000);
        assert_int_equal(strlen(response.body), 10000);
}

/* A token's document: also of what was read before more room was needed. */
TEST(body_stays_nowhere) {
        static const char token[] = "{\"token\":\"drowssap\"}";
        RegistryResponse response = { 0 };
        char piece[1000];

        memset(piece, 'x', sizeof(piece));
        freed_text = "drowssap";
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(
                        registry_response_append(&response, token, strlen(token), 10000, NULL), 0);
                for (size_t k = 0; k < 3; k++)
                        assert_int_equal(
                                registry_response_append(
                                        &response, piece, sizeof(piece), 10000, NULL),
                                0);
        }
        registry_response_done(&response);
        freed_text = NULL;
        assert_int_equal(n_freed_with_text, 0);
}
