/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <arpa/inet.h>

#include "registry-address.h"

static bool is_private(const char *text) {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        struct sockaddr_in v4 = { .sin_family = AF_INET };

        if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
                return registry_address_is_private((const struct sockaddr *) &v4);

        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        return registry_address_is_private((const struct sockaddr *) &v6);
}

TEST(addresses_of_own_networks_are_private) {
        static const char *const texts[] = {
                "0.0.0.0",
                "10.0.0.1",
                "10.255.255.255",
                "100.64.0.1",
                "127.0.0.1",
                "127.255.255.254",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.1",
                "192.168.1.1",
                "::",
                "::1",
                "fe80::1",
                "febf::1",
                "fc00::1",
                "fd12::1",
                "fec0::1",
                "::ffff:10.0.0.1",
                "::ffff:127.0.0.1",
                "64:ff9b::169.254.169.254",
                "192.0.0.170",
                "198.19.255.255",
                "224.0.0.251",
                "255.255.255.255",
                "ff02::1",
                "2002:a00:1::1",
                "2002:7f00:1::1",
                "::10.0.0.1",
                "::ffff:0:10.0.0.1",
                "::ffff:0:127.0.0.1",
                "64:ff9b::10.0.0.1",
                "64:ff9b:1::10.0.0.1",
                "64:ff9b:1::169.254.169.254",
                "64:ff9b:1:a00:0:100::", /* 10.0.0.1 behind 48 bits */
                "64:ff9b:1:fffe::1.1.1.1",
                "64:ff9b:1:0:100::1.1.1.1",
                "2001:0:a00:1::fefe:fefe",   /* of the server 10.0.0.1 */
                "2001:0:101:101::f5ff:fffe", /* of the client 10.0.0.1 */
                "2001:0:101:101::80ff:fffe", /* and of 127.0.0.1 */
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                if (!is_private(texts[i]))
                        print_error("%s\n", texts[i]);
                assert_true(is_private(texts[i]));
        }
}

TEST(addresses_of_the_internet_are_not) {
        static const char *const texts[] = {
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.0.0.1",
                "128.0.0.1",
                "169.253.0.1",
                "169.255.0.1",
                "172.15.0.1",
                "172.32.0.1",
                "192.167.0.1",
                "192.169.0.1",
                "2606:4700::1",
                "::ffff:1.1.1.1",
                "64:ff9b::1.1.1.1",
                "192.0.1.1",
                "198.20.0.1",
                "223.255.255.1",
                "2002:101:101::1",
                "::1.1.1.1",
                "::ffff:0:1.1.1.1",
                "64:ff9b:1::1.1.1.1",
                "64:ff9b:2::10.0.0.1",
                "64:ff9c::10.0.0.1",
                "2001:0:101:101::fefe:fefe",
                "2001:1:a00:1::f5ff:fffe",
                "2003:a00:1::1",
                "::ffff:1:10.0.0.1",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                if (is_private(texts[i]))
                        print_error("%s\n", texts[i]);
                assert_false(is_private(texts[i]));
        }
}

TEST(other_families_are_private) {
        const struct sockaddr local = { .sa_family = AF_UNIX };

        assert_true(registry_address_is_private(&local));
}
