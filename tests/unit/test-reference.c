/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "reference.h"

#define ID     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" ID

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static void full_form_is(const char *text, const char *expected) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char formatted[REFERENCE_MAX + 1];
        Reference reference;

        if (reference_parse(text, &reference, &error) < 0)
                fail_msg("%s: %s", text, error_text(&error));
        assert_string_equal(reference_format(&reference, formatted), expected);
}

TEST(reference_is_completed) {
        static const char *const cases[][2] = {
                { "debian", "docker.io/library/debian:latest" },
                { "debian:12", "docker.io/library/debian:12" },
                { "docker://debian", "docker.io/library/debian:latest" },
                { "docker:///debian", "docker.io/library/debian:latest" },
                { "docker://debian/", "docker.io/library/debian:latest" },
                { "docker:///debian/", "docker.io/library/debian:latest" },
                { "docker.io/debian", "docker.io/library/debian:latest" },
                { "index.docker.io/debian", "docker.io/library/debian:latest" },
                { "index.docker.io/some/one", "docker.io/some/one:latest" },
                { "some/one", "docker.io/some/one:latest" },
                { "localhost", "docker.io/library/localhost:latest" },
                { "localhost:5000", "docker.io/library/localhost:5000" },
                { "localhost/a", "localhost/a:latest" },
                { "localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x" },
                { "host:1/a", "host:1/a:latest" },
                { "host:65535/a", "host:65535/a:latest" },
                { "Host/a", "Host/a:latest" },
                { "Host.x/a", "host.x/a:latest" },
                { "docker://Registry.Example.com:5000/a", "registry.example.com:5000/a:latest" },
                { "[2001:DB8::1]/a", "[2001:db8::1]/a:latest" },
                { "INDEX.docker.io/debian", "docker.io/library/debian:latest" },
                { "registry-1.docker.io/debian", "docker.io/library/debian:latest" },
                { "registry-1.docker.io:443/some/one", "docker.io/some/one:latest" },
                { "Docker.IO:443/debian", "docker.io/library/debian:latest" },
                { "host:443/a", "host:443/a:latest" },
                { "quay.io/a", "quay.io/a:latest" },
                { "127.0.0.1/a", "127.0.0.1/a:latest" },
                { "[::1]/a", "[::1]/a:latest" },
                { "docker://[2001:db8::1]:5000/a:t", "[2001:db8::1]:5000/a:t" },
                { "a@" DIGEST, "docker.io/library/a@" DIGEST },
                { "docker://a@" DIGEST "/", "docker.io/library/a@" DIGEST },
                { "h.x/a:t@" DIGEST, "h.x/a:t@" DIGEST },
                { ID ":t", "docker.io/library/" ID ":t" },
                { "h.x/", "docker.io/library/h.x:latest" },
                { "x/a.b_c__d-e---f", "docker.io/x/a.b_c__d-e---f:latest" },
                { "a:_._-A", "docker.io/library/a:_._-A" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                full_form_is(cases[i][0], cases[i][1]);
}

TEST(refused_reference_is_named_with_what_would_be_right) {
        static const struct {
                const char *text;
                const char *advice;
        } cases[] = {
                { "", "no image name" },
                { "docker://", "no image name" },
                { "docker:////a", "component of the image name is empty" },
                { "/a", "component of the image name is empty" },
                { "a//b", "component of the image name is empty" },
                { "a//", "component of the image name is empty" },
                { "https://h.x/a", "docker://" },
                { "oci-archive://h.x/a", "docker://" },
                { "Debian", "lower case" },
                { "h.x/Debian", "lower case" },
                { ID, "image id" },
                { "docker://" ID, "image id" },
                { "-a", "component of an image name" },
                { "a-", "component of an image name" },
                { "a___b", "component of an image name" },
                { "a..b/c", "host" },
                { "x/a..b", "component of an image name" },
                { "x/a._b", "component of an image name" },
                { "a b", "component of an image name" },
                { "a:", "tag is empty" },
                { "a:.b", "does not start with" },
                { "a:-b", "does not start with" },
                { "a:b c", "a tag consists of" },
                { "h.x:/a", "port" },
                { "h.x:0/a", "port" },
                { "h.x:0443/a", "port" },
                { "h.x:65536/a", "port" },
                { "h.x:100000/a", "port" },
                { "h.x:5a/a", "port" },
                { "-h.x/a", "host" },
                { "h-.x/a", "host" },
                { ".x/a", "host" },
                { "a.b_c/g", "host" },
                { "::1/a", "port" },
                { "[::1/a", "IPv6" },
                { "[1.2.3.4]/a", "IPv6" },
                { "[::1%eth0]/a", "IPv6" },
                { "[::1]5000/a", "port" },
                { "[::1]:/a", "port" },
                { "a@", "digest" },
                { "a@sha256:0123", "digest" },
                { "a@md5:0123", "sha256 or sha512" },
                { "a@" DIGEST "@" DIGEST, "digest" },
                { "@" DIGEST, "no image name" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                Reference reference;

                if (reference_parse(cases[i].text, &reference, &error) != -EINVAL)
                        fail_msg("%s was accepted", cases[i].text);
                assert_int_equal(error.kind, ERROR_INVALID_REFERENCE);
                if (!strstr(error_text(&error), cases[i].advice))
                        fail_msg("%s: %s", cases[i].text, error_text(&error));
                assert_non_null(strstr(error_text(&error), cases[i].text));
        }
}

TEST(tag_is_empty_beside_a_digest_and_latest_without_one) {
        Reference reference;

        assert_int_equal(reference_parse("a@" DIGEST, &reference, NULL), 0);
        assert_string_equal(reference.tag, "");
        assert_true(reference.has_digest);

        assert_int_equal(reference_parse("a:t@" DIGEST, &reference, NULL), 0);
        assert_string_equal(reference.tag, "t");
        assert_true(reference.has_digest);

        assert_int_equal(reference_parse("a", &reference, NULL), 0);
        assert_string_equal(reference.tag, "latest");
        assert_false(reference.has_digest);
}

TEST(password_in_front_of_the_host_is_refused_and_not_repeated) {
        static const char *const texts[] = {
                "docker://alice:secret@h.x/a",
                "alice:secret@h.x/a:t",
                "alice:secret@h.x:5000/a@" DIGEST,
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                Reference reference;

                assert_int_equal(reference_parse(texts[i], &reference, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_INVALID_REFERENCE);
                assert_null(strstr(error_text(&error), "secret"));
                assert_non_null(strstr(error_text(&error), "options"));
        }
}

TEST(message_is_printable_whatever_the_reference_is) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Reference reference;

        assert_int_equal(reference_parse("\x1b[2J\xff", &reference, &error), -EINVAL);
        assert_non_null(strstr(error_text(&error), "'?[2J?'"));
}

/* @ret is @prefix, 'a' @n times, and @suffix. */
static const char *long_text(char *ret, const char *prefix, size_t n, const char *suffix) {
        char *p = stpcpy(ret, prefix);

        memset(p, 'a', n);
        strcpy(p + n, suffix);
        return ret;
}

TEST(longest_name_tag_and_reference_are_accepted_and_longer_ones_not) {
        static const char sha512[] = "@sha512:" ID ID;
        char text[2 * REFERENCE_MAX];
        Reference reference;

        long_text(text, "x/", REFERENCE_REPOSITORY_MAX - 2, "");
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        long_text(text, "x/", REFERENCE_REPOSITORY_MAX - 1, "");
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);

        /* "library/" counts. */
        long_text(text, "", REFERENCE_REPOSITORY_MAX - 8, "");
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        long_text(text, "", REFERENCE_REPOSITORY_MAX - 7, "");
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);

        long_text(text, "x:", REFERENCE_TAG_MAX, "");
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        long_text(text, "x:", REFERENCE_TAG_MAX + 1, "");
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);

        long_text(text, "x.", REFERENCE_REPOSITORY_MAX - 2, "/a");
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        long_text(text, "x.", REFERENCE_REPOSITORY_MAX - 1, "/a");
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);

        long_text(text, "", REFERENCE_MAX + 1, "");
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);

        /* "docker.io/x/" and ":latest" are in the full form. */
        long_text(text, "x/", 250, sha512);
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        long_text(text, "docker.io/x/", 250, ":");
        memset(text + strlen(text), 'b', REFERENCE_TAG_MAX);
        text[12 + 250 + 1 + 112] = '\0';
        strcat(text, sha512);
        assert_int_equal(strlen(text), REFERENCE_MAX);
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        assert_int_equal(reference_parse(text + strlen("docker.io/"), &reference, NULL), 0);
        text[12 + 250 + 1 + 112] = '\0';
        strcat(text, "b");
        strcat(text, sha512);
        assert_int_equal(reference_parse(text + strlen("docker.io/"), &reference, NULL), -EINVAL);
}

TEST(refused_reference_leaves_the_output_alone) {
        Reference reference = { .host = "before" };

        assert_int_equal(reference_parse("h.x/a:", &reference, NULL), -EINVAL);
        assert_string_equal(reference.host, "before");
        assert_string_equal(reference.repository, "");
}

TEST(api_of_docker_hub_is_at_another_host) {
        Reference reference;

        assert_int_equal(reference_parse("a", &reference, NULL), 0);
        assert_string_equal(reference_api_host(&reference), "registry-1.docker.io");
        assert_int_equal(reference_parse("h.x:5000/a", &reference, NULL), 0);
        assert_string_equal(reference_api_host(&reference), "h.x:5000");
}

TEST(host_has_one_spelling_in_comparisons) {
        static const char *const cases[][2] = {
                { "A.B:443/c:443", "a.b/c:443" },
                { "a.b:5000/C", "a.b:5000/C" },
                { "a.b:4443", "a.b:4443" },
                { "[::1]:443", "[::1]" },
                { "[::443]", "[::443]" },
                { ":443", ":443" },
                { "*.A.b", "*.a.b" },
                { "Index.docker.io/a", "docker.io/a" },
                { "registry-1.docker.io:443", "docker.io" },
                { "x.index.docker.io", "x.index.docker.io" },
                { "", "" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                char text[64];

                strcpy(text, cases[i][0]);
                reference_fold_host(text);
                assert_string_equal(text, cases[i][1]);
        }
}

TEST(name_in_a_source_follows_up_to_three_slashes) {
        static const struct {
                const char *source, *name;
        } cases[] = {
                { "docker://h.x/a", "h.x/a" },
                { "docker:a", "a" },
                { "DOCKER:/a", "a" },
                { "docker:///a:1", "a:1" },
                { "docker:////a", "////a" },
                { "docker:", "" },
                { "oci:a", NULL },
                { "/docker:a", NULL },
                { "docker", NULL },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const char *name = reference_source_name(cases[i].source);

                assert_int_equal(!name, !cases[i].name);
                if (name)
                        assert_string_equal(name, cases[i].name);
        }
}
