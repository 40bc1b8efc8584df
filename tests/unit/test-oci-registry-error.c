/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "oci-registry-error.h"

TEST(what_a_registry_says_becomes_one_line) {
        static const struct {
                const char *body, *text;
        } cases[] = {
                { "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\",\"detail\":{}}]}",
                  "DENIED: no" },
                { "{\"errors\":[{\"code\":\"DENIED\"},{\"code\":\"OTHER\"}]}", "DENIED" },
                { "{\"errors\":[{\"message\":\"only this\"}]}", "only this" },
                { "{\"errors\":[{\"code\":\"A\",\"message\":\"\"}]}", "A" },
                { "{\"errors\":{\"code\":\"A\",\"message\":\"b\"}}", "A: b" },
                { "{\"details\":\"incorrect password\"}", "incorrect password" },
                { "{\"message\":\"gone\"}", "gone" },
                { "{\"errors\":[],\"error\":\"e\"}", "e" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char text[OCI_REGISTRY_ERROR_MAX];

                assert_true(oci_registry_error_parse(cases[i].body, strlen(cases[i].body), text));
                assert_string_equal(text, cases[i].text);
        }
}

TEST(control_and_foreign_characters_are_replaced) {
        static const char body[] =
                "{\"errors\":[{\"code\":\" A\\u0000B\",\"message\":"
                "\"\\u001b[31mred\\r\\n\\tline\\u007f\\u202e\xc3\xa9\\u009b end \"}]}";
        char text[OCI_REGISTRY_ERROR_MAX];

        assert_true(oci_registry_error_parse(body, strlen(body), text));
        assert_string_equal(text, "A: [31mred line ??? end");
}

TEST(long_text_is_cut) {
        char body[2000], text[OCI_REGISTRY_ERROR_MAX];

        (void) snprintf(body, sizeof(body), "{\"message\":\"%01000d\"}", 0);
        assert_true(oci_registry_error_parse(body, strlen(body), text));
        assert_int_equal(strlen(text), OCI_REGISTRY_ERROR_MAX - 1);
        assert_string_equal(text + strlen(text) - 4, "0...");
}

TEST(body_that_says_nothing_is_empty) {
        static const char *const bodies[] = {
                "",
                "<html>",
                "[]",
                "\"x\"",
                "{}",
                "{\"errors\":null}",
                "{\"errors\":[]}",
                "{\"errors\":[[]]}",
                "{\"errors\":[{\"code\":1}]}",
                "{\"errors\":[{\"code\":\" \\n \"}]}",
                "{\"error\":{\"x\":1}}",
                "{\"message\":\"\xff\"}",
        };

        for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
                char text[OCI_REGISTRY_ERROR_MAX] = "before";

                assert_false(oci_registry_error_parse(bodies[i], strlen(bodies[i]), text));
                assert_string_equal(text, "");
        }
}
