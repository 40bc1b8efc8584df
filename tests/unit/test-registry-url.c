/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "registry-url.h"

TEST(host_is_all_that_a_message_shows) {
        char host[REGISTRY_HOST_MAX];

        assert_string_equal(
                registry_url_host("https://u:secret@cdn.example:8443/x?sig=secret#f", host),
                "cdn.example:8443");
        assert_string_equal(registry_url_host("http://[::1]:5000/", host), "[::1]:5000");
        assert_string_equal(registry_url_host("https://cdn.example/", host), "cdn.example");
        assert_string_equal(registry_url_host("https://b\xfc\xe9r.example/", host), "b??r.example");
        assert_string_equal(registry_url_host("no url", host), "the registry");
}

TEST(origin_is_scheme_host_and_port) {
        static const struct {
                const char *a, *b;
                bool is_same_origin, is_same_host;
        } cases[] = {
                { "https://a.example/x", "https://a.example/y?z", true, true },
                { "https://a.example/", "https://A.EXAMPLE:443/", true, true },
                { "http://a.example/", "http://a.example:80/", true, true },
                { "https://a.example/", "http://a.example/", false, true },
                { "https://a.example/", "https://a.example:8443/", false, true },
                { "https://a.example/", "https://b.example/", false, false },
                { "https://a.example/", "https://a.example.evil/", false, false },
                { "https://a.example/", "https://a.example@evil.example/", false, false },
                { "https://a.example/", "ftp://a.example/", false, false },
                { "https://a.example/", "nonsense", false, false },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(
                        registry_url_same_origin(cases[i].a, cases[i].b), cases[i].is_same_origin);
                assert_int_equal(
                        registry_url_same_host(cases[i].a, cases[i].b), cases[i].is_same_host);
        }
}

TEST(loopback_and_private_hosts_are_recognised) {
        assert_true(registry_url_is_loopback("http://localhost:5000/"));
        assert_true(registry_url_is_loopback("http://127.1.2.3/"));
        assert_true(registry_url_is_loopback("http://[::1]:5000/"));
        assert_false(registry_url_is_loopback("http://127.example/"));
        assert_false(registry_url_is_loopback("http://localhost.example/"));
        assert_false(registry_url_is_loopback("http://10.0.0.1/"));

        assert_true(registry_url_is_private("http://10.0.0.1/"));
        assert_true(registry_url_is_private("http://0xa.1/")); /* which is 10.0.0.1 too */
        assert_true(registry_url_is_private("http://[fe80::1]/"));
        assert_false(registry_url_is_private("http://1.1.1.1/"));
        assert_false(registry_url_is_private("http://[2606:4700::1]/"));
        assert_false(registry_url_is_private("http://registry.example/"));
}

TEST(redirect_may_be_relative) {
        static const struct {
                const char *location, *target;
        } cases[] = {
                { "https://cdn.example/a?b=c", "https://cdn.example/a?b=c" },
                { "/a", "https://r.example:5000/a" },
                { "a", "https://r.example:5000/v2/x/a" },
                { "//cdn.example/a", "https://cdn.example/a" },
                { "?page=2", "https://r.example:5000/v2/x/y?page=2" },
                { "https://u:p@cdn.example/a#f", "https://cdn.example/a" },
                { "/a b", "https://r.example:5000/a%20b" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(freep) char *url = NULL;

                assert_int_equal(
                        registry_url_follow(
                                "https://r.example:5000/v2/x/y", cases[i].location, false, &url,
                                NULL),
                        0);
                assert_string_equal(url, cases[i].target);
        }
}

TEST(redirect_to_an_endless_address_is_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char location[REGISTRY_URL_MAX + 2], *url = NULL;

        memset(location, 'x', sizeof(location) - 1);
        location[sizeof(location) - 1] = '\0';
        assert_int_equal(
                registry_url_follow("https://r.example/", location, true, &url, &error), -E2BIG);
        assert_int_equal(error.kind, ERROR_LIMIT_EXCEEDED);
        assert_null(url);
}

TEST(redirect_to_another_protocol_is_refused) {
        static const char *const locations[] = {
                "ftp://r.example/",
                "file:///etc/passwd",
                "gopher://r.example/",
                "javascript:x",
        };

        for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                char *url = NULL;

                assert_true(
                        registry_url_follow(
                                "https://r.example/", locations[i], true, &url, &error) < 0);
                assert_int_equal(error.kind, ERROR_REGISTRY_ERROR);
                assert_null(url);
        }
}

TEST(redirect_from_tls_to_plain_needs_not_secure) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) char *url = NULL;

        assert_true(
                registry_url_follow(
                        "https://r.example/", "http://r.example/", false, &url, &error) < 0);
        assert_int_equal(error.kind, ERROR_TLS_ERROR);
        assert_non_null(strstr(error_text(&error), "--not-secure"));
        assert_int_equal(
                registry_url_follow("https://r.example/", "http://r.example/", true, &url, NULL),
                0);
}

TEST(token_url_quotes_what_the_registry_said) {
        _cleanup_(freep) char *url = NULL, *other = NULL;

        assert_int_equal(
                registry_url_token(
                        "https://auth.example/token", "a b&c", "repository:x/y:pull", "me@home",
                        false, &url, NULL),
                0);
        assert_string_equal(
                url,
                "https://auth.example/token?account=me%40home&service=a+b%26c&"
                "scope=repository%3ax%2fy%3apull");
        assert_int_equal(
                registry_url_token(
                        "https://auth.example/token?x=1", "", "s", "", false, &other, NULL),
                0);
        assert_string_equal(other, "https://auth.example/token?x=1&scope=s");
}

TEST(unusable_realm_is_refused) {
        static const char *const realms[] = {
                "",
                "token",
                "/token",
                "file:///etc/passwd",
                "https://u@auth.example/",
                "https://u:p@auth.example/",
        };
        _cleanup_(error_clear) Error plain = ERROR_NULL;
        char *url = NULL;

        for (size_t i = 0; i < sizeof(realms) / sizeof(realms[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;

                assert_true(registry_url_token(realms[i], "", "", "", true, &url, &error) < 0);
                assert_int_equal(error.kind, ERROR_REGISTRY_ERROR);
        }

        assert_true(
                registry_url_token("http://auth.example/", "", "", "", false, &url, &plain) < 0);
        assert_int_equal(plain.kind, ERROR_TLS_ERROR);
        assert_null(url);
}
