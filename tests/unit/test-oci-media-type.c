/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdbool.h>
#include <string.h>

#include "oci-media-type.h"

TEST(every_type_is_read_back_from_its_text) {
        for (OciMediaType type = MEDIA_TYPE_UNKNOWN + 1; type < _MEDIA_TYPE_MAX; type++) {
                assert_int_equal(oci_media_type_parse(oci_media_type_to_string(type)), type);
                assert_true(strlen(oci_media_type_to_string(type)) <= MEDIA_TYPE_TEXT_MAX);
                assert_int_not_equal(oci_media_type_class(type), MEDIA_CLASS_OTHER);
        }

        assert_int_equal(oci_media_type_parse("unknown"), MEDIA_TYPE_UNKNOWN);
        assert_int_equal(oci_media_type_class(MEDIA_TYPE_UNKNOWN), MEDIA_CLASS_OTHER);
}

TEST(parameters_blanks_and_case_are_ignored) {
        static const char *const texts[] = {
                "application/vnd.oci.image.index.v1+json; charset=utf-8",
                "application/vnd.oci.image.index.v1+json;charset=utf-8",
                " \tapplication/vnd.oci.image.index.v1+json \r\n",
                "Application/VND.OCI.image.index.v1+JSON",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert_int_equal(oci_media_type_parse(texts[i]), MEDIA_TYPE_OCI_INDEX);
}

TEST(other_text_is_unknown) {
        static const char *const texts[] = {
                "",
                ";",
                "application/vnd.oci.image.index.v1+jso",
                "application/vnd.oci.image.index.v1+jsonx",
                "application/vnd.oci.image.index.v1+json, text/plain",
                "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert_int_equal(oci_media_type_parse(texts[i]), MEDIA_TYPE_UNKNOWN);
}

TEST(content_type_of_a_server_that_does_not_know_is_generic) {
        static const struct {
                const char *text;
                bool is_generic;
        } cases[] = {
                { NULL, true },
                { "", true },
                { "; charset=utf-8", true },
                { "application/json", true },
                { "application/json; charset=utf-8", true },
                { "text/plain", true },
                { "application/octet-stream", true },
                { "text/html", false },
                { "application/vnd.oci.image.index.v1+json", false },
                { "application/jso", false },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(oci_media_type_is_generic(cases[i].text), cases[i].is_generic);
}

TEST(accept_header_has_each_manifest_and_index_type_once_and_nothing_else) {
        char header[1024];
        unsigned seen[_MEDIA_TYPE_MAX] = { 0 };

        assert_true(strlen(oci_media_type_accept()) < sizeof(header));
        strcpy(header, oci_media_type_accept());
        for (char *p = header, *item; (item = strsep(&p, ","));)
                seen[oci_media_type_parse(item)]++;

        for (OciMediaType type = 0; type < _MEDIA_TYPE_MAX; type++) {
                OciMediaClass class = oci_media_type_class(type);

                assert_int_equal(
                        seen[type], class == MEDIA_CLASS_MANIFEST || class == MEDIA_CLASS_SCHEMA1 ||
                                            class == MEDIA_CLASS_INDEX);
        }
}

TEST(only_foreign_layers_are_foreign) {
        for (OciMediaType type = 0; type < _MEDIA_TYPE_MAX; type++) {
                const char *text = oci_media_type_to_string(type);

                assert_int_equal(
                        oci_media_type_is_foreign(type),
                        strstr(text, "nondistributable") || strstr(text, "foreign"));
        }
}
