/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "registry-challenge.h"

static RegistryChallenges read_one(const char *text) {
        RegistryChallenges all = { 0 };

        assert_int_equal(registry_challenges_add(&all, text), 0);
        return all;
}

TEST(docker_hub_challenge_is_read) {
        RegistryChallenges all = read_one(
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                "scope=\"repository:library/debian:pull,push\"");

        assert_int_equal(all.n_items, 1);
        assert_int_equal(all.items[0].scheme, REGISTRY_SCHEME_BEARER);
        assert_string_equal(all.items[0].realm, "https://auth.docker.io/token");
        assert_string_equal(all.items[0].service, "registry.docker.io");
        assert_string_equal(all.items[0].scope, "repository:library/debian:pull,push");
        assert_string_equal(all.items[0].error, "");
}

TEST(several_challenges_in_one_header_are_told_apart) {
        RegistryChallenges all = read_one(
                "Negotiate, Digest qop=\"auth, x\", nonce=abc ,, basic realm = \"a, Bearer b\", "
                "NTLM TlRMTVNTUAAB==, BEARER error=insufficient_scope , realm=\"r\"");

        assert_int_equal(all.n_items, 5);
        assert_int_equal(all.items[0].scheme, REGISTRY_SCHEME_OTHER);
        assert_int_equal(all.items[1].scheme, REGISTRY_SCHEME_OTHER);
        assert_int_equal(all.items[2].scheme, REGISTRY_SCHEME_BASIC);
        assert_string_equal(all.items[2].realm, "a, Bearer b");
        assert_int_equal(all.items[3].scheme, REGISTRY_SCHEME_OTHER);
        assert_int_equal(all.items[4].scheme, REGISTRY_SCHEME_BEARER);
        assert_string_equal(all.items[4].error, "insufficient_scope");
        assert_string_equal(all.items[4].realm, "r");
}

TEST(headers_are_added_in_order) {
        RegistryChallenges all = read_one("Basic realm=one");

        assert_int_equal(registry_challenges_add(&all, "Bearer realm=two"), 0);
        assert_int_equal(registry_challenges_add(&all, "Bearer realm=three"), 0);
        assert_string_equal(registry_challenges_find(&all, REGISTRY_SCHEME_BASIC)->realm, "one");
        assert_string_equal(registry_challenges_find(&all, REGISTRY_SCHEME_BEARER)->realm, "two");
        assert_null(registry_challenges_find(&all, REGISTRY_SCHEME_OTHER));
}

TEST(quoted_escapes_are_undone) {
        RegistryChallenges all =
                read_one("Bearer service=\"a \\\"b\\\" \\\\ \\c\",x=\"\\\",realm=1\",realm=2");

        assert_string_equal(all.items[0].service, "a \"b\" \\ c");
        assert_string_equal(all.items[0].realm, "2");
}

TEST(empty_header_has_no_challenge) {
        assert_int_equal(read_one("").n_items, 0);
        assert_int_equal(read_one(" ,\t, ").n_items, 0);
}

TEST(malformed_header_adds_nothing) {
        static const char *const texts[] = {
                "Basic realm=\"open",     "Basic realm=\"open\\",
                "Basic realm=\"a\"b",     "Basic realm=a b",
                "Basic realm=a, realm=b", "Bearer realm=https://auth.example/token",
                "Basic realm=\"a\nb\"",   "Basic realm=\"a\\\nb\"",
                "Basic other=\"open",     "=x",
                "Basic, \"realm\"",       "Basic;realm=a",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                RegistryChallenges all = read_one("Bearer realm=before");

                assert_int_equal(registry_challenges_add(&all, texts[i]), -EINVAL);
                assert_int_equal(all.n_items, 1);
                assert_string_equal(all.items[0].realm, "before");
        }
}

TEST(ceilings_are_kept) {
        RegistryChallenges all = { 0 };
        char text[REGISTRY_REALM_MAX + 32];

        memset(text, 'x', sizeof(text));
        memcpy(text, "Basic realm=", strlen("Basic realm="));
        text[strlen("Basic realm=") + REGISTRY_REALM_MAX] = '\0';
        assert_int_equal(registry_challenges_add(&all, text), -E2BIG);

        text[strlen("Basic realm=") + REGISTRY_REALM_MAX - 1] = '\0';
        for (size_t i = 0; i < REGISTRY_CHALLENGES_MAX; i++)
                assert_int_equal(registry_challenges_add(&all, text), 0);
        assert_int_equal(registry_challenges_add(&all, "Basic"), -E2BIG);
        assert_int_equal(all.n_items, REGISTRY_CHALLENGES_MAX);
}
