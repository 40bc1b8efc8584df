/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "oci-tags.h"

static int add(OciTags *tags, const char *page, Error *error) {
        _cleanup_(freep) char *json = json_text(page);

        return oci_tags_add_page(tags, json, strlen(json), error);
}

static void assert_tags(OciTags *tags, const char *const *expected, size_t n) {
        const char *tag = NULL;

        for (size_t i = 0; i < n; i++) {
                tag = oci_tags_next(tags, tag);
                assert_non_null(tag);
                assert_string_equal(tag, expected[i]);
        }
        assert_null(oci_tags_next(tags, tag));
}

TEST(pages_are_joined_in_their_order_without_duplicates) {
        static const char *const expected[] = { "z", "_1.a-B", "b", "a" };
        _cleanup_(oci_tags_freep) OciTags *tags = oci_tags_new();

        assert_non_null(tags);
        assert_null(oci_tags_next(tags, NULL));
        assert_int_equal(add(tags, "{'name':'x','tags':['z','_1.a-B','z','b']}", NULL), 0);
        assert_int_equal(add(tags, "{'tags':null}", NULL), 0);
        assert_int_equal(add(tags, "{'tags':['b','a']}", NULL), 0);
        assert_tags(tags, expected, N_ELEMENTS(expected));
}

TEST(what_is_no_list_of_tags_is_the_registrys_fault) {
        static const struct {
                const char *page, *part;
        } cases[] = {
                { "[]", "not a JSON object" },
                { "{", "not valid JSON" },
                { "{'tags':'a'}", "not an array" },
                { "{'tags':[null]}", "'', which is not a tag" },
                { "{'tags':['']}", "not a tag" },
                { "{'tags':['.a']}", "'.a', which is not a tag" },
                { "{'tags':['a/b']}", "'a/b'" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(oci_tags_freep) OciTags *tags = oci_tags_new();
                _cleanup_(error_clear) Error error = ERROR_NULL;
                int r;

                r = add(tags, cases[i].page, &error);
                assert_failure(r, &error, ERROR_REGISTRY_ERROR, cases[i].part);
        }
}
