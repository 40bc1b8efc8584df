/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include <errno.h>

#include "oci-document.h"
#include "oci-value.h"

static void load_fails(const void *data, size_t size, ErrorKind kind, const char *part) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        json_t *value = NULL;
        int r;

        r = oci_value_load(data, size, "thing", &value, &error);
        assert_failure(r, &error, kind, part);
        assert_null(value);
}

TEST(what_is_no_object_is_refused) {
        static const char *const texts[] = {
                "", "[]", "1", "{", "{}x", "{\"a\":1,}", "\xef\xbb\xbf{}"
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                load_fails(texts[i], strlen(texts[i]), ERROR_UNSUPPORTED_IMAGE, "The thing is not");
}

TEST(key_twice_is_refused_at_any_depth) {
        static const char *const texts[] = {
                "{\"a\":1,\"a\":2}",
                "{\"x\":[{\"a\":1,\"\\u0061\":1}]}",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                load_fails(texts[i], strlen(texts[i]), ERROR_UNSUPPORTED_IMAGE, "duplicate");
}

TEST(nul_in_a_text_is_refused) {
        load_fails("{\"a\":\"\\u0000\"}", 14, ERROR_UNSUPPORTED_IMAGE, "not valid JSON");
        load_fails("{\"a\":\"\0\"}", 9, ERROR_UNSUPPORTED_IMAGE, "not valid JSON");
}

TEST(document_of_the_greatest_size_is_read_and_a_larger_one_is_not) {
        _cleanup_(freep) char *text = malloc(OCI_DOCUMENT_MAX + 1);
        json_auto_t *value = NULL;

        assert_non_null(text);
        memset(text, ' ', OCI_DOCUMENT_MAX + 1);
        memcpy(text, "{}", 2);

        assert_int_equal(oci_value_load(text, OCI_DOCUMENT_MAX, "thing", &value, NULL), 0);
        load_fails(text, OCI_DOCUMENT_MAX + 1, ERROR_LIMIT_EXCEEDED, "4194305 bytes");
}

TEST(too_many_values_are_refused_but_commas_in_a_text_are_none) {
        _cleanup_(freep) char *many = json_repeat("{'a':[", "0", JSON_VALUES_MAX, "]}");
        _cleanup_(freep) char *few = json_repeat("{'a':'\\'", ",[{", JSON_VALUES_MAX, "'}");
        json_auto_t *value = NULL;

        load_fails(many, strlen(many), ERROR_LIMIT_EXCEEDED, "values");
        assert_int_equal(oci_value_load(few, strlen(few), "thing", &value, NULL), 0);
}

TEST(deep_nesting_is_refused) {
        _cleanup_(freep) char *text = malloc(100001);

        assert_non_null(text);
        memset(text, '[', 100000);
        load_fails(text, 100000, ERROR_UNSUPPORTED_IMAGE, "not valid JSON");
}

TEST(keys_are_compared_as_encoding_json_does) {
        assert_true(oci_value_key_equal("layers", "LaYeRS"));
        assert_true(oci_value_key_equal("layers", "layer\xc5\xbf"));
        assert_true(oci_value_key_equal("k", "\xe2\x84\xaa"));
        assert_false(oci_value_key_equal("layers", "layer"));
        assert_false(oci_value_key_equal("layer", "layers"));
        assert_false(oci_value_key_equal("layers", "layer\xc5"));
        assert_false(oci_value_key_equal("[", "{"));
}

TEST(null_is_a_missing_member_and_another_type_is_refused) {
        _cleanup_(freep) char *text = json_text("{'n':null,'s':'x','a':[],'o':{}}");
        json_auto_t *value = NULL;
        const char *string = "before";
        json_t *member;

        assert_int_equal(oci_value_load(text, strlen(text), "thing", &value, NULL), 0);

        assert_int_equal(oci_value_get_string(value, "n", "thing", &string, NULL), 0);
        assert_null(string);
        assert_int_equal(oci_value_get_string(value, "none", "thing", &string, NULL), 0);
        assert_null(string);
        assert_int_equal(oci_value_get_string(value, "s", "thing", &string, NULL), 0);
        assert_string_equal(string, "x");
        assert_int_equal(oci_value_get_string(value, "a", "thing", &string, NULL), -EBADMSG);
        assert_int_equal(oci_value_get_array(value, "a", "thing", &member, NULL), 0);
        assert_int_equal(oci_value_get_array(value, "o", "thing", &member, NULL), -EBADMSG);
        assert_int_equal(oci_value_get_object(value, "o", "thing", &member, NULL), 0);
        assert_int_equal(oci_value_get_object(value, "s", "thing", &member, NULL), -EBADMSG);
}
