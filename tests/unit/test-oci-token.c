/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-token.h"
#include "test-freed.h"

static int parse(const char *text, OciToken *ret, Error *error) {
        return oci_token_parse(text, strlen(text), ret, error);
}

TEST(token_is_read_under_either_name) {
        static const struct {
                const char *answer, *token;
        } cases[] = {
                { "{\"token\":\"a.b-c\"}", "a.b-c" },
                { "{\"access_token\":\"x\"}", "x" },
                { "{\"token\":\"one\",\"access_token\":\"two\"}", "one" },
                { "{\"token\":\"\",\"access_token\":\"two\"}", "two" },
                { "{\"token\":null,\"access_token\":\"two\",\"other\":[1]}", "two" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(oci_token_done) OciToken token = { 0 };

                assert_int_equal(parse(cases[i].answer, &token, NULL), 0);
                assert_string_equal(token.token, cases[i].token);
        }
}

TEST(lifetime_is_kept_within_bounds) {
        static const struct {
                const char *answer;
                uint64_t expires_in;
        } cases[] = {
                { "{\"token\":\"t\"}", OCI_TOKEN_EXPIRES_DEFAULT },
                { "{\"token\":\"t\",\"expires_in\":300}", 300 },
                { "{\"token\":\"t\",\"expires_in\":300.5}", 300 },
                { "{\"token\":\"t\",\"expires_in\":1}", OCI_TOKEN_EXPIRES_DEFAULT },
                { "{\"token\":\"t\",\"expires_in\":-1}", OCI_TOKEN_EXPIRES_DEFAULT },
                { "{\"token\":\"t\",\"expires_in\":\"300\"}", OCI_TOKEN_EXPIRES_DEFAULT },
                { "{\"token\":\"t\",\"expires_in\":1e300}", OCI_TOKEN_EXPIRES_MAX },
                { "{\"token\":\"t\",\"expires_in\":9223372036854775807}", OCI_TOKEN_EXPIRES_MAX },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(oci_token_done) OciToken token = { 0 };

                assert_int_equal(parse(cases[i].answer, &token, NULL), 0);
                assert_int_equal(token.expires_in, cases[i].expires_in);
        }
}

TEST(answer_without_a_token_is_refused_and_not_quoted) {
        static const char *const answers[] = {
                "",
                "hunter2",
                "[]",
                "{\"token\":\"\",\"x\":\"hunter2\"}",
                "{\"token\":[\"hunter2\"]}",
                "{\"token\":\"hunter2 \"}",
                "{\"token\":\"hunter2\\r\\nX: y\"}",
                "{\"token\":\"hunter2\xc3\xa9\"}",
                "{\"token\":\"hunter2\\u0000x\"}",
                "{\"token\":\"hunter2\",\"token\":\"b\"}",
                "{\"token\":\"hunter2\"} x",
        };

        for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciToken token = { .expires_in = 42 };

                assert_int_equal(parse(answers[i], &token, &error), -EBADMSG);
                assert_int_equal(error.kind, ERROR_REGISTRY_ERROR);
                assert_null(strstr(error_text(&error), "hunter2"));
                assert_int_equal(token.expires_in, 42);
        }
}

TEST(ceilings_are_kept) {
        const size_t size = OCI_TOKEN_DOCUMENT_MAX + 1;
        _cleanup_(freep) char *text = malloc(size);
        OciToken token;

        memset(text, ' ', size);
        memcpy(text, "{\"token\":\"", strlen("{\"token\":\""));
        assert_int_equal(oci_token_parse(text, size, &token, NULL), -EFBIG);

        memset(text + strlen("{\"token\":\""), 'x', OCI_TOKEN_MAX + 1);
        memcpy(text + strlen("{\"token\":\"") + OCI_TOKEN_MAX + 1, "\"}", 2);
        assert_int_equal(oci_token_parse(text, size - 1, &token, NULL), -EBADMSG);
}

/* Neither in what jansson has made of the answer. */
TEST(token_stays_nowhere) {
        OciToken token;

        oci_token_set_up();
        freed_text = "drowssap";
        assert_int_equal(parse("{\"a\":1,\"token\":\"x-drowssap-x\",\"b\":[]}", &token, NULL), 0);
        oci_token_done(&token);
        freed_text = NULL;
        assert_null(token.token);
        assert_int_equal(n_freed_with_text, 0);
}
