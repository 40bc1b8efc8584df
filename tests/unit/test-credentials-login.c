/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "credentials-login.h"

TEST(base64_is_decoded) {
        static const struct {
                const char *text, *username, *password;
        } cases[] = {
                { "bWU6", "me", "" },
                { "bWU6YQ==", "me", "a" },
                { "bWU6YWI=", "me", "ab" },
                { "bWU6YWJj", "me", "abc" },
                { "bWU6YTpi", "me", "a:b" },
                { "OmE=", "", "a" },
                { "bWU6\nYWJj\r\n", "me", "abc" },
                { "bWU6YQAA", "me", "a" }, /* as Docker pads it with NUL bytes */
                { "/v37Ov/+", "\xfe\xfd\xfb", "\xff\xfe" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };

                assert_int_equal(credentials_login_decode(cases[i].text, &login), 0);
                assert_string_equal(login.username, cases[i].username);
                assert_string_equal(login.password, cases[i].password);
        }
}

TEST(what_is_no_base64_is_refused) {
        static const char *const texts[] = {
                "",     "b",      "bWU",    "bWU6YQ", "bWU6YQ=",      "bWU6YQ===", "=bWU",
                "bW=U", "bWU6!!", "bWU6_-", "====",   "bWU6YQ==YQ==", "bWVh",      "bWU6AGE=",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                CredentialsLogin login = { 0 };

                assert_int_equal(credentials_login_decode(texts[i], &login), -EINVAL);
                assert_false(credentials_login_is_set(&login));
        }
}

TEST(base64_above_the_ceiling_is_refused) {
        const size_t size = 3 * CREDENTIALS_TEXT_MAX;
        _cleanup_(freep) char *text = malloc(size + 1);
        CredentialsLogin login = { 0 };

        memset(text, 'A', size);
        text[size] = '\0';
        memcpy(text, "bWU6", 4);
        assert_int_equal(credentials_login_decode(text, &login), -EINVAL);
}

TEST(answer_of_a_helper_is_read) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 }, token = { 0 },
                                                           none = { 0 };
        static const char a[] =
                "{\"ServerURL\": \"r\", \"Username\": \"me\", \"Secret\": \"geheim\"}\n";
        static const char b[] = "{\"Username\": \"<token>\", \"Secret\": \"geheim\"}";
        static const char c[] = "{\"Username\": \"\", \"Secret\": \"\"}";

        assert_int_equal(credentials_login_parse(a, strlen(a), &login), 1);
        assert_string_equal(login.username, "me");
        assert_string_equal(login.password, "geheim");
        assert_null(login.identity_token);
        assert_int_equal(credentials_login_parse(b, strlen(b), &token), 1);
        assert_null(token.username);
        assert_null(token.password);
        assert_string_equal(token.identity_token, "geheim");
        assert_int_equal(credentials_login_parse(c, strlen(c), &none), 0);
        assert_false(credentials_login_is_set(&none));
}

TEST(senseless_answer_of_a_helper_is_refused) {
        static const char *const answers[] = {
                "",
                "geheim",
                "[]",
                "{}",
                "{\"Username\": \"me\"}",
                "{\"Secret\": \"geheim\"}",
                "{\"Username\": \"me\", \"Secret\": \"\"}",
                "{\"Username\": \"me:too\", \"Secret\": \"geheim\"}",
                "{\"Username\": 1, \"Secret\": \"geheim\"}",
                "{\"Username\": \"me\", \"Secret\": \"a\"} more",
        };

        for (size_t i = 0; i < N_ELEMENTS(answers); i++) {
                CredentialsLogin login = { 0 };

                assert_int_equal(
                        credentials_login_parse(answers[i], strlen(answers[i]), &login), -EINVAL);
                assert_false(credentials_login_is_set(&login));
        }
}
