/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference-source.h"
#include "test-oci.h"

TEST(source_is_split_at_the_first_colon) {
        static const struct {
                const char *text;
                ReferenceSourceKind kind;
                const char *path, *name;
        } cases[] = {
                { "oci:/a/b", SOURCE_OCI, "/a/b", "" },
                { "oci:/a/b:", SOURCE_OCI, "/a/b", "" },
                { "oci:a b:ref", SOURCE_OCI, "a b", "ref" },
                { "oci:/a:docker.io/library/x:latest", SOURCE_OCI, "/a",
                  "docker.io/library/x:latest" },
                { "oci-archive:x.tar:b:c", SOURCE_OCI_ARCHIVE, "x.tar", "b:c" },
                { "oci-archive:-", SOURCE_OCI_ARCHIVE, "-", "" },
                { "docker-archive:x.tar", SOURCE_DOCKER_ARCHIVE, "x.tar", "" },
                { "docker-archive:x.tar:debian", SOURCE_DOCKER_ARCHIVE, "x.tar",
                  "docker.io/library/debian:latest" },
                { "docker-archive:/x:localhost:5000/a:b", SOURCE_DOCKER_ARCHIVE, "/x",
                  "localhost:5000/a:b" },
                { "dir:/a:b:@1", SOURCE_DIR, "/a:b:@1", "" },
                { "OCI:/A:B", SOURCE_OCI, "/A", "B" },
                { "Docker-Archive:x", SOURCE_DOCKER_ARCHIVE, "x", "" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                ReferenceSource reference;

                if (reference_source_parse(cases[i].text, &reference, &error) < 0)
                        fail_msg("%s", error_text(&error));
                assert_int_equal(reference.kind, cases[i].kind);
                assert_string_equal(reference.path, cases[i].path);
                assert_string_equal(reference.selector.name, cases[i].name);
                assert_false(reference.selector.has_index);
        }
}

TEST(number_behind_an_at_sign_is_an_index) {
        static const struct {
                const char *text;
                unsigned index;
        } cases[] = {
                { "docker-archive:x:@0", 0 },
                { "docker-archive:x:@12", 12 },
                { "oci:x:@3", 3 },
                { "oci-archive:x:@999999", 999999 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                ReferenceSource reference;

                assert_int_equal(reference_source_parse(cases[i].text, &reference, NULL), 0);
                assert_true(reference.selector.has_index);
                assert_int_equal(reference.selector.index, cases[i].index);
                assert_string_equal(reference.selector.name, "");
        }
}

TEST(source_that_is_none_is_refused) {
        static const struct {
                const char *text, *part;
        } cases[] = {
                { "", "does not begin" },
                { "ocix:/a", "does not begin" },
                { "oci", "does not begin" },
                { "docker://debian", "does not begin" },
                { "oci:", "no path" },
                { "oci::ref", "no path" },
                { "dir:", "no path" },
                { "oci:/a:b c", "characters" },
                { "oci:/a:b\xc3\xa4", "characters" },
                { "docker-archive:x:", "expected a name after" },
                { "docker-archive:x:Debian", "" },
                { "docker-archive:x:debian@" SHA_A, "digest" },
                { "docker-archive:x:@", "number" },
                { "docker-archive:x:@-1", "number" },
                { "docker-archive:x:@1x", "number" },
                { "docker-archive:x:@1000000", "too large" },
                { "oci:x:@99999999999999999999", "too large" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                ReferenceSource reference = { .kind = SOURCE_DIR };
                int r;

                r = reference_source_parse(cases[i].text, &reference, &error);
                assert_failure(r, &error, ERROR_INVALID_REFERENCE, cases[i].part);
                assert_int_equal(reference.kind, SOURCE_DIR);
        }
}

TEST(paths_and_names_have_ceilings) {
        char text[SOURCE_REFERENCE_MAX + 8] = "oci:";
        ReferenceSource reference;

        memset(text + strlen("oci:"), 'a', SOURCE_REFERENCE_PATH_MAX);
        assert_int_equal(reference_source_parse(text, &reference, NULL), 0);
        text[strlen("oci:") + SOURCE_REFERENCE_PATH_MAX] = 'a';
        assert_int_equal(reference_source_parse(text, &reference, NULL), -EINVAL);

        memset(text, 0, sizeof(text));
        stpcpy(text, "oci:a:");
        memset(text + strlen("oci:a:"), 'a', SOURCE_SELECTOR_NAME_MAX);
        assert_int_equal(reference_source_parse(text, &reference, NULL), 0);
        text[strlen("oci:a:") + SOURCE_SELECTOR_NAME_MAX] = 'a';
        assert_int_equal(reference_source_parse(text, &reference, NULL), -EINVAL);
}

TEST(formatted_source_is_the_full_form) {
        static const struct {
                const char *text, *full;
        } cases[] = {
                { "oci:/a:", "oci:/a" },
                { "oci:/a:b", "oci:/a:b" },
                { "docker-archive:x:debian", "docker-archive:x:docker.io/library/debian:latest" },
                { "docker-archive:x:@007", "docker-archive:x:@7" },
                { "dir:a:b", "dir:a:b" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                char text[SOURCE_REFERENCE_MAX + 1];
                ReferenceSource reference;

                assert_int_equal(reference_source_parse(cases[i].text, &reference, NULL), 0);
                assert_string_equal(reference_source_format(&reference, text), cases[i].full);
        }
}

TEST(first_word_tells_a_source_from_others) {
        assert_true(reference_source_is_one("oci:"));
        assert_true(reference_source_is_one("dir:/a"));
        assert_true(reference_source_is_one("docker-archive:a"));
        assert_true(reference_source_is_one("oci-archive:a"));
        assert_false(reference_source_is_one("docker://a"));
        assert_false(reference_source_is_one("file:///a"));
        assert_false(reference_source_is_one("directory:a"));
        assert_false(reference_source_is_one("/oci:a"));
        assert_string_equal(reference_source_kind_to_string(SOURCE_OCI_ARCHIVE), "oci-archive");
}
