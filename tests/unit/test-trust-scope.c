/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "trust-scope.h"

static void assert_scopes(const TrustImage *image, const char *const *scopes) {
        TrustScope scope;
        bool is_more = true;

        trust_scope_first(image, &scope);
        for (size_t i = 0; scopes[i]; i++) {
                assert_true(is_more);
                assert_string_equal(scope.text, scopes[i]);
                is_more = trust_scope_next(&scope);
        }
        assert_false(is_more);
}

static void assert_scopes_of(const char *text, const char *const *scopes) {
        Reference reference;

        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        assert_scopes(&(TrustImage){ "docker", &reference, NULL }, scopes);
}

TEST(name_widens_to_its_host_and_its_domains) {
        assert_scopes_of(
                "reg.team.example:5000/a/b:1",
                (const char *const[]){ "reg.team.example:5000/a/b:1", "reg.team.example:5000/a/b",
                                       "reg.team.example:5000/a", "reg.team.example:5000",
                                       "*.team.example", "*.example", "", NULL });
}

TEST(host_has_the_same_scopes_in_every_spelling) {
        static const char *const texts[] = { "Reg.example:443/a:A", "reg.example/a:A",
                                             "REG.EXAMPLE/a:A" };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                assert_scopes_of(
                        texts[i], (const char *const[]){ "reg.example/a:A", "reg.example/a",
                                                         "reg.example", "*.example", "", NULL });
        assert_scopes_of(
                "registry-1.docker.io/a/b",
                (const char *const[]){ "docker.io/a/b:latest", "docker.io/a/b", "docker.io/a",
                                       "docker.io", "*.io", "", NULL });
}

TEST(short_name_has_the_scopes_of_its_full_form) {
        assert_scopes_of(
                "debian", (const char *const[]){ "docker.io/library/debian:latest",
                                                 "docker.io/library/debian", "docker.io/library",
                                                 "docker.io", "*.io", "", NULL });
}

TEST(digest_is_the_scope_where_there_is_one) {
        assert_scopes_of(
                "localhost/a:1@" SHA_A, (const char *const[]){ "localhost/a@" SHA_A, "localhost/a",
                                                               "localhost", "", NULL });
}

TEST(path_widens_to_the_directories_above) {
        assert_scopes(
                &(TrustImage){ "oci", NULL, "/a/b.d/c" },
                (const char *const[]){ "/a/b.d/c", "/a/b.d", "/a", "", NULL });
        assert_scopes(&(TrustImage){ "dir", NULL, "/" }, (const char *const[]){ "/", "", NULL });
}

TEST(image_without_a_path_has_the_default_of_its_transport) {
        assert_scopes(
                &(TrustImage){ "docker-archive", NULL, NULL }, (const char *const[]){ "", NULL });
}
