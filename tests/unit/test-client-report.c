/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-report.h"

#define TEXT                                                                                       \
        "{\"Digest\":\"d\",\"RepoTags\":[],\"Labels\":{\"a\":\"\\\"RepoTags\\\":[]\"},\"Env\":null}"

static char *print(const ClientReport *report, bool is_indented) {
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_int_equal(client_report_print(report, is_indented, file, NULL), 0);
        assert_int_equal(fclose(file), 0);
        return text;
}

TEST(name_goes_first_and_tags_into_their_place) {
        static const char *names[] = { "b", "a" };
        const ClientTags tags = { .names = names, .n_names = 2 };
        const ClientReport report = {
                .text = TEXT,
                .size = strlen(TEXT),
                .name = "h/n",
                .tags = &tags,
        };
        _cleanup_(freep) char *text = print(&report, false);

        assert_string_equal(
                text,
                "{\"Name\":\"h/n\",\"Digest\":\"d\",\"RepoTags\":[\"b\",\"a\"],"
                "\"Labels\":{\"a\":\"\\\"RepoTags\\\":[]\"},\"Env\":null}\n");
}

TEST(own_member_goes_last) {
        static const char empty[] = "{}";
        const ClientReport report = { .text = TEXT, .size = strlen(TEXT), .own = "{\"a\":1}" };
        const ClientReport alone = { .text = empty, .size = strlen(empty), .own = "{}" };
        _cleanup_(freep) char *text = print(&report, false), *only = print(&alone, false);

        assert_string_equal(
                text,
                "{\"Digest\":\"d\",\"RepoTags\":[],\"Labels\":{\"a\":\"\\\"RepoTags\\\":[]\"},\"Env\":null,"
                "\"virt-bootstrap\":{\"a\":1}}\n");
        assert_string_equal(only, "{\"virt-bootstrap\":{}}\n");
}

TEST(report_stays_as_it_is_otherwise) {
        const ClientReport report = { .text = TEXT "rest", .size = strlen(TEXT) };
        _cleanup_(freep) char *text = print(&report, false);

        assert_string_equal(text, TEXT "\n");
}

TEST(indented_report_is_as_skopeos) {
        static const char json[] =
                "{\"a\":{},\"b\":[],\"c\":[\"x, {y}: [z]\",1],\"d\":{\"e\":\"\\\\\"}}";
        const ClientReport report = { .text = json, .size = strlen(json) };
        _cleanup_(freep) char *text = print(&report, true);

        assert_string_equal(
                text,
                "{\n    \"a\": {},\n    \"b\": [],\n    \"c\": [\n        \"x, {y}: [z]\",\n        1\n"
                "    ],\n    \"d\": {\n        \"e\": \"\\\\\"\n    }\n}\n");
}

TEST(terminal_is_not_controlled) {
        static const char json[] = "{\"\x1b[2J\":\"\x7f\xc2\x9b\xff\"\x1b,\x80\"b\":\"\xc3\xa9\"}";
        const ClientReport report = { .text = json, .size = strlen(json) };
        _cleanup_(freep) char *text = print(&report, false);

        assert_string_equal(
                text, "{\"\\u001b[2J\":\"\\u007f\\u009b\\ufffd\",\"b\":\"\xc3\xa9\"}\n");
}

TEST(text_that_cannot_be_an_object_is_refused) {
        static const struct {
                const char *text;
                size_t size;
        } cases[] = { { "", 0 }, { "{", 1 }, { "[]", 2 }, { "{\0}", 3 } };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const ClientReport report = { .text = cases[i].text, .size = cases[i].size };
                _cleanup_(error_clear) Error error = ERROR_NULL;

                assert_int_equal(client_report_print(&report, false, stdout, &error), -EBADMSG);
                assert_non_null(strstr(error_text(&error), "not a JSON object"));
        }
}

TEST(unbalanced_text_ends_where_it_ends) {
        static const char json[] = "{]]}}\"a";
        const ClientReport report = { .text = json, .size = strlen(json) };
        _cleanup_(freep) char *text = print(&report, true);

        assert_non_null(strstr(text, "\"a\n"));
}
