/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include <jansson.h>

#include "trust-identity.h"

static int parse(const char *text, TrustIdentity *ret, Error *error) {
        _cleanup_(freep) char *json = json_text(text);
        json_auto_t *value = json_loads(json, 0, NULL);

        assert_non_null(value);
        return trust_identity_parse(value, ret, error);
}

#define PLAIN(type)       "{'type':'" type "'}"
#define OWN_REFERENCE     "{'type':'exactReference','dockerReference':'reg.example/a/b:2'}"
#define OWN_REPOSITORY    "{'type':'exactRepository','dockerRepository':'reg.example/a/c'}"
#define REMAP(prefix, to) "{'type':'remapIdentity','prefix':'" prefix "','signedPrefix':'" to "'}"

TEST(identities_are_accepted_as_by_containers_image) {
        static const struct {
                const char *rule, *image, *stated;
                bool is_accepted;
        } cases[] = {
                { PLAIN("matchRepoDigestOrExact"), "reg.example/a/b:1", "reg.example/a/b:1", true },
                { PLAIN("matchRepoDigestOrExact"), "reg.example/a/b:1", "reg.example/a/b:2",
                  false },
                { PLAIN("matchRepoDigestOrExact"), "reg.example/a/b:1", "reg.example/a/b", false },
                { PLAIN("matchRepoDigestOrExact"), "reg.example/a/b", "reg.example/a/b", false },
                { PLAIN("matchRepoDigestOrExact"), "reg.example/a/b@" SHA_A, "reg.example/a/b:7",
                  true },
                { PLAIN("matchRepoDigestOrExact"), "reg.example/a/b:1@" SHA_A, "reg.example/a/b",
                  true },
                { PLAIN("matchRepoDigestOrExact"), "reg.example/a/b@" SHA_A, "reg.example/a/c",
                  false },
                { PLAIN("matchExact"), "reg.example/a/b:1", "reg.example/a/b:1", true },
                { PLAIN("matchExact"), "reg.example/a/b", "reg.example/a/b:latest", true },
                { PLAIN("matchExact"), "reg.example/a/b", "reg.example/a/b", false },
                { PLAIN("matchExact"), "reg.example/a/b@" SHA_A, "reg.example/a/b@" SHA_A, true },
                { PLAIN("matchExact"), "reg.example/a/b@" SHA_A, "reg.example/a/b@" SHA_B, false },
                { PLAIN("matchRepository"), "reg.example/a/b:1", "reg.example/a/b", true },
                { PLAIN("matchRepository"), "reg.example/a/b:1", "reg.example/a/b:9", true },
                { PLAIN("matchRepository"), "reg.example/a/b:1", "reg.example/a/bc", false },
                { PLAIN("matchRepository"), "reg.example/a/b:1", "reg.example:443/a/b", false },
                { PLAIN("matchRepository"), "debian", "index.docker.io/library/debian", true },
                { PLAIN("matchRepository"), "debian", "debian", true },
                { PLAIN("matchRepository"), "debian", "https://docker.io/library/debian", false },
                { PLAIN("matchRepository"), "debian", "docker://debian", false },
                { PLAIN("matchRepository"), "debian", "debian/", false },
                { PLAIN("matchRepository"), "debian", "Debian", false },
                { OWN_REFERENCE, "other.example/x", "reg.example/a/b:2", true },
                { OWN_REFERENCE, "other.example/x", "reg.example/a/b:1", false },
                { OWN_REPOSITORY, "other.example/x", "reg.example/a/c:1", true },
                { OWN_REPOSITORY, "other.example/x", "other.example/x:latest", false },
                { REMAP("mirror.example", "reg.example/m"), "mirror.example/b:1",
                  "reg.example/m/b:1", true },
                { REMAP("mirror.example", "reg.example/m"), "mirror.example/b:1",
                  "mirror.example/b:1", false },
                { REMAP("mirror.example", "reg.example/m"), "mirror.example/b@" SHA_A,
                  "reg.example/m/b", true },
                { REMAP("mirror.example/a", "reg.example"), "mirror.example/ab:1",
                  "mirror.example/ab:1", true },
                { REMAP("mirror.example/b", "reg.example/c"), "mirror.example/b:1",
                  "reg.example/c:1", true },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                TrustIdentity identity;
                Reference image;
                int r;

                assert_int_equal(reference_parse(cases[i].image, &image, NULL), 0);
                assert_int_equal(parse(cases[i].rule, &identity, &error), 0);
                r = trust_identity_check(&identity, &image, cases[i].stated, &error);
                if ((r >= 0) != cases[i].is_accepted)
                        fail_msg(
                                "%s, %s, %s: %d %s", cases[i].rule, cases[i].image, cases[i].stated,
                                r, error_text(&error));
                if (r < 0)
                        assert_failure(r, &error, ERROR_NOT_TRUSTED, "it is for '");
        }
}

/* As in a bundle of cosign 3. */
TEST(signature_without_a_name_is_accepted_where_only_the_images_own_is_wanted) {
        static const struct {
                const char *rule;
                bool is_accepted;
        } cases[] = {
                { PLAIN("matchRepoDigestOrExact"), true },
                { PLAIN("matchRepository"), true },
                { PLAIN("matchExact"), false },
                { OWN_REFERENCE, false },
                { OWN_REPOSITORY, false },
                { REMAP("mirror.example", "reg.example"), false },
        };
        Reference image;

        assert_int_equal(reference_parse("reg.example/a/b:1", &image, NULL), 0);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                TrustIdentity identity;
                int r;

                assert_int_equal(parse(cases[i].rule, &identity, NULL), 0);
                r = trust_identity_check(&identity, &image, "", &error);
                assert_int_equal(r >= 0, cases[i].is_accepted);
                if (r < 0)
                        assert_failure(r, &error, ERROR_NOT_TRUSTED, "it names no repository");
        }
}

TEST(identity_of_another_form_is_refused) {
        static const struct {
                const char *rule, *part;
        } cases[] = {
                { "{}", "'type' in the signature policy is missing" },
                { PLAIN("matchAll"), "of the unknown type 'matchAll'" },
                { "{'type':'matchExact','x':1}", "unknown key 'x'" },
                { PLAIN("exactReference"), "'dockerReference' in the signature policy is missing" },
                { "{'type':'exactReference','dockerReference':'reg.example/a'}",
                  "is not a reference with a tag or a digest" },
                { "{'type':'exactRepository','dockerRepository':'reg.example/a:1'}",
                  "is not a repository without tag and digest" },
                { "{'type':'exactRepository','dockerRepository':''}", "is empty or too long" },
                { REMAP("a b", "reg.example"), "'prefix' in the signature policy is not" },
                { REMAP("reg.example", "reg.example/a@b"), "'signedPrefix' in the" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                TrustIdentity identity;
                int r = parse(cases[i].rule, &identity, &error);

                assert_failure(r, &error, ERROR_NOT_TRUSTED, cases[i].part);
        }
}
