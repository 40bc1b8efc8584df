/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "registry-realm.h"

static bool is_trusted(const char *name, const char *realm, const char *token_servers) {
        char url[300] = "https://";
        const RegistryRealmOwner owner = {
                .name = name,
                .url = url,
                .token_servers = token_servers,
        };

        strcat(strcat(url, strcmp(name, "docker.io") == 0 ? "registry-1.docker.io" : name), "/");
        return registry_realm_is_trusted(&owner, realm);
}

TEST(own_host_and_hosts_under_its_domain_are_trusted) {
        static const struct {
                const char *name, *realm;
        } cases[] = {
                { "reg.example", "https://reg.example/token" },
                { "reg.example", "https://REG.example:8443/token" },
                { "reg.example:5000", "https://reg.example/token" },
                { "reg.example:5000", "https://auth.reg.example/token" },
                { "reg.example", "https://a.b.reg.EXAMPLE:444/token" },
                { "localhost:5000", "http://localhost:5001/token" },
                { "10.0.0.1:5000", "https://10.0.0.1/token" },
                { "[::1]:5000", "https://[::1]:5001/token" },
                { "docker.io", "https://auth.docker.io/token" },
                { "registry.gitlab.com", "https://gitlab.com/jwt/auth" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                if (!is_trusted(cases[i].name, cases[i].realm, ""))
                        fail_msg("%s: %s", cases[i].name, cases[i].realm);
}

TEST(other_hosts_are_not_trusted) {
        static const struct {
                const char *name, *realm;
        } cases[] = {
                { "reg.example", "https://example/token" },
                { "reg.example", "https://evil.example/token" },
                { "reg.example", "https://evilreg.example/token" },
                { "reg.example", "https://reg.example.evil.org/token" },
                { "reg.example", "https://reg.example./token" },
                { "reg.example", "https://evil.org/reg.example" },
                { "reg.example", "https://evil.org?.reg.example" },
                { "reg.example", "https://reg.example@evil.org/token" },
                { "reg", "https://evil.reg/token" }, /* a domain of the Internet may be called so */
                { "localhost:5000", "https://evil.localhost/token" },
                { "10.0.0.1", "https://1.10.0.0.1/token" },
                { "0.0.1:5000", "https://10.0.0.1/token" },
                { "[::1]:5000", "https://[::2]:5000/token" },
                { "gitlab.com", "https://registry.gitlab.org/token" },
                { "docker.io.evil.org", "https://auth.docker.io/token" },
                { "reg.example", "https://auth.docker.io/token" },
                { "reg.example", "ftp://reg.example/token" },
                { "reg.example", "nonsense" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                if (is_trusted(cases[i].name, cases[i].realm, ""))
                        fail_msg("%s: %s", cases[i].name, cases[i].realm);
}

TEST(host_that_is_configured_for_the_registry_is_trusted) {
        static const char list[] =
                "other.example=b.example Reg.example=Login.example:8443 "
                "reg.example:5000=login.example";

        assert_true(is_trusted("reg.example", "https://login.example:8443/token", list));
        assert_false(is_trusted("reg.example", "https://login.example/token", list));
        assert_false(is_trusted("reg.example", "https://a.login.example:8443/token", list));
        assert_false(is_trusted("reg.example", "https://b.example/token", list));
        assert_true(is_trusted("reg.example:5000", "https://login.example:9/token", list));
        assert_false(is_trusted("reg.example:5001", "https://login.example/token", list));
}

TEST(refusal_names_both_and_the_setting) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const RegistryRealmOwner owner = { .name = "reg.example:5000",
                                           .url = "",
                                           .token_servers = "" };

        assert_true(registry_realm_refuse(&owner, "https://evil.org:444/token", &error) < 0);
        assert_int_equal(error.kind, ERROR_REGISTRY_ERROR);
        assert_string_equal(
                error_text(&error),
                "reg.example:5000 wants its credentials to be sent to evil.org:444, which is not its own "
                "host (TokenServers= in virt-bootstrapd.conf would allow it)");
}

TEST(form_is_encoded) {
        _cleanup_(freep) char *form = NULL, *least = NULL;

        assert_int_equal(
                registry_realm_form("a b", "repository:x/y:pull", "t&=%+", &form, NULL), 0);
        assert_string_equal(
                form,
                "grant_type=refresh_token&client_id=virt-bootstrap&service=a%20b"
                "&scope=repository%3Ax%2Fy%3Apull&refresh_token=t%26%3D%25%2B");
        assert_int_equal(registry_realm_form("", "", "t", &least, NULL), 0);
        assert_string_equal(
                least, "grant_type=refresh_token&client_id=virt-bootstrap&refresh_token=t");
}
