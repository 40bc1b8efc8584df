/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "registry-guard.h"

#define HOME  "https://registry.example/"
#define MOVED "https://registry.example:9/v2/"
#define OTHER "https://internal.example/"

static const RegistryProxy no_proxy;

static struct sockaddr *address_of(const char *text) {
        static struct sockaddr_in v4;

        v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(443) };
        assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
        return (struct sockaddr *) &v4;
}

static bool takes(const RegistryGuard *guard, const char *url, const char *text) {
        return registry_guard_takes_address(guard, url, address_of(text));
}

TEST(foreign_host_is_connected_to_at_public_addresses) {
        const RegistryGuard guard = { .home_url = HOME,
                                      .proxy = &no_proxy,
                                      .home = &(RegistryGuardHome){ .is_public = false },
                                      .private_hosts = "" };

        assert_true(takes(&guard, OTHER, "1.1.1.1"));
        assert_false(takes(&guard, OTHER, "10.0.0.7"));
}

TEST(host_that_is_listed_may_be_private) {
        const RegistryGuard guard = { .home_url = HOME,
                                      .proxy = &no_proxy,
                                      .home = &(RegistryGuardHome){ .is_public = false },
                                      .private_hosts = "a Internal.example:9 b" };

        assert_false(takes(&guard, OTHER, "10.0.0.7"));
        assert_true(takes(&guard, "https://internal.example:9/x", "10.0.0.7"));
}

TEST(domain_that_is_listed_has_its_subdomains_private) {
        const RegistryGuard guard = {
                .home_url = HOME,
                .proxy = &no_proxy,
                .home = &(RegistryGuardHome){ .is_public = false },
                .private_hosts = ".corp.example .Ports.example:9 .0.0.7 .0001] .",
        };
        static const struct {
                const char *url;
                bool is_listed;
        } cases[] = {
                { "https://s3.corp.example/", true },
                { "https://bucket.s3.corp.example/x", true },
                { "https://BUCKET.S3.Corp.Example/x", true },
                { "https://s3.corp.example:9000/", true },
                { "https://corp.example/", false },
                { "https://xcorp.example/", false },
                { "https://corp.example.other/", false },
                { "https://s3.corp.example.other/", false },
                { "https://s3-corp.example/", false },
                { "https://s3.corp.examples/", false },
                { "https://a.ports.example:9/", true },
                { "https://a.ports.example/", false },
                { "https://a.ports.example:99/", false },
                { "https://10.0.0.7/", false },
                { "https://[fd00::0001]/", false },
                { "https://other.example./", false },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const bool is_taken = takes(&guard, cases[i].url, "10.0.0.7");

                if (is_taken != cases[i].is_listed)
                        print_error("%s\n", cases[i].url);
                assert_int_equal(is_taken, cases[i].is_listed);
        }
}

TEST(addresses_are_listed_as_they_are) {
        const RegistryGuard guard = {
                .home_url = HOME,
                .proxy = &no_proxy,
                .home = &(RegistryGuardHome){ .is_public = false },
                .private_hosts = "[fd00::7] [fd00::8]:9 10.0.0.7",
        };

        assert_true(takes(&guard, "https://[fd00::7]/", "10.0.0.7"));
        assert_true(takes(&guard, "https://[FD00::7]:5/", "10.0.0.7"));
        assert_true(takes(&guard, "https://[fd00::8]:9/", "10.0.0.7"));
        assert_false(takes(&guard, "https://[fd00::8]/", "10.0.0.7"));
        assert_false(takes(&guard, "https://[fd00::9]/", "10.0.0.7"));
        assert_true(takes(&guard, "https://10.0.0.7:5/", "10.0.0.7"));
        assert_false(takes(&guard, "https://110.0.0.7/", "10.0.0.7"));
}

TEST(registry_in_a_private_network_may_send_to_its_own_address) {
        RegistryGuard guard = { .home_url = HOME,
                                .proxy = &no_proxy,
                                .home = &(RegistryGuardHome){ .is_public = false },
                                .private_hosts = "" };

        assert_true(takes(&guard, HOME, "10.0.0.7"));
        assert_false(takes(&guard, OTHER, "10.0.0.7")); /* it has not answered there yet */
        registry_guard_note_answer(&guard, HOME, address_of("10.0.0.7"));
        assert_true(takes(&guard, OTHER, "10.0.0.7"));
        assert_false(takes(&guard, OTHER, "10.0.0.8"));
        assert_true(takes(&guard, HOME, "10.0.0.8"));
}

TEST(registry_of_the_internet_does_not_move_into_a_private_network) {
        RegistryGuard guard = { .home_url = HOME,
                                .proxy = &no_proxy,
                                .home = &(RegistryGuardHome){ .is_public = false },
                                .private_hosts = "" };

        registry_guard_note_answer(&guard, HOME, address_of("1.1.1.1"));
        assert_false(takes(&guard, MOVED, "10.0.0.7"));
        assert_false(takes(&guard, HOME, "169.254.169.254"));
        registry_guard_note_answer(&guard, MOVED, address_of("10.0.0.7"));
        assert_false(takes(&guard, OTHER, "10.0.0.7"));
        assert_true(takes(&guard, HOME, "1.0.0.1"));
}

TEST(answers_of_others_say_nothing_of_the_registry) {
        RegistryGuard guard = { .home_url = HOME,
                                .proxy = &no_proxy,
                                .home = &(RegistryGuardHome){ .is_public = false },
                                .private_hosts = "" };

        registry_guard_note_answer(&guard, OTHER, address_of("10.0.0.7"));
        assert_false(takes(&guard, OTHER, "10.0.0.7"));
        assert_true(takes(&guard, HOME, "10.0.0.7"));
}
