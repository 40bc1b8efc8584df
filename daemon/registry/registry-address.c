/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "registry-address.h"

static const struct {
        uint32_t network;
        unsigned prefix; /* bits */
} private_v4[] = {
        { 0x00000000, 8 },  /* 0.0.0.0: this host */
        { 0x0a000000, 8 },  /* 10.0.0.0 */
        { 0x64400000, 10 }, /* 100.64.0.0: shared by a provider's customers */
        { 0x7f000000, 8 },  /* 127.0.0.0: loopback */
        { 0xa9fe0000, 16 }, /* 169.254.0.0: link-local */
        { 0xac100000, 12 }, /* 172.16.0.0 */
        { 0xc0a80000, 16 }, /* 192.168.0.0 */
};

/* IPv6 prefixes in front of an IPv4 address: NAT64 (RFC 6052) and the deprecated compatible form,
 * which the unspecified and the loopback address look like too. */
static const uint8_t embeds_v4[][12] = {
        { 0 },
        { [10] = 0xff, [11] = 0xff },
        { 0x00, 0x64, 0xff, 0x9b },
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static bool v4_is_private(uint32_t address) {
        for (size_t i = 0; i < N_ELEMENTS(private_v4); i++)
                if ((address ^ private_v4[i].network) >> (32 - private_v4[i].prefix) == 0)
                        return true;

        return false;
}

static bool v6_is_private(const uint8_t address[static 16]) {
        for (size_t i = 0; i < N_ELEMENTS(embeds_v4); i++) {
                uint32_t v4;

                if (memcmp(address, embeds_v4[i], sizeof(embeds_v4[i])) != 0)
                        continue;
                memcpy(&v4, address + sizeof(embeds_v4[i]), sizeof(v4));
                return v4_is_private(ntohl(v4));
        }

        /* Unique local fc00::/7, link-local fe80::/10, and the site-local fec0::/10 of old. */
        return (address[0] & 0xfe) == 0xfc || (address[0] == 0xfe && (address[1] & 0x80) != 0);
}

bool registry_address_is_private(const struct sockaddr *address) {
        struct sockaddr_in6 v6;
        struct sockaddr_in v4;

        switch (address->sa_family) {
        case AF_INET:
                memcpy(&v4, address, sizeof(v4));
                return v4_is_private(ntohl(v4.sin_addr.s_addr));
        case AF_INET6:
                memcpy(&v6, address, sizeof(v6));
                return v6_is_private(v6.sin6_addr.s6_addr);
        default:
                return true;
        }
}
