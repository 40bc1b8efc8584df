/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "registry-address.h"

static void freeaddrinfop(struct addrinfo **p) {
        if (*p)
                freeaddrinfo(*p);
}

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
        { 0xc0000000, 24 }, /* 192.0.0.0: protocol assignments */
        { 0xc0a80000, 16 }, /* 192.168.0.0 */
        { 0xc6120000, 15 }, /* 198.18.0.0: benchmarks */
        { 0xe0000000, 3 },  /* 224.0.0.0: multicast, reserved, broadcast */
};

#define V4_BYTES 4

/* IPv6 prefixes of addresses that have an IPv4 address in them; the compatible form is what the unspecified and
 * the loopback address look like, too. */
static const struct {
        uint8_t prefix[12];
        uint8_t prefix_bytes;
        uint8_t at;   /* bytes in front of the IPv4 address */
        uint8_t mask; /* each of its bytes is changed by */
} embeds_v4[] = {
        { { 0 }, 12, 12, 0 },                                  /* ::/96: compatible */
        { { [10] = 0xff, [11] = 0xff }, 12, 12, 0 },           /* ::ffff:0:0/96: mapped */
        { { [8] = 0xff, [9] = 0xff }, 12, 12, 0 },             /* ::ffff:0:0:0/96: translated */
        { { 0x00, 0x64, 0xff, 0x9b }, 12, 12, 0 },             /* 64:ff9b::/96: NAT64 */
        { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 12, 12, 0 }, /* NAT64 of a network's own */
        { { 0x20, 0x02 }, 2, 2, 0 },                           /* 2002::/16: 6to4 */
        { { 0x20, 0x01, 0x00, 0x00 }, 4, 4, 0 },               /* 2001::/32: Teredo, server */
        { { 0x20, 0x01, 0x00, 0x00 }, 4, 12, 0xff },           /* … and client */
};

/* NAT64 of a network's own, 64:ff9b:1::/48 (RFC 8215). Where in it the IPv4 address is (RFC 6052) only that network
 * knows, unless all behind the prefix but the end is zero. */
static const uint8_t local_nat64[12] = { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 };
#define LOCAL_NAT64_BYTES 6

static bool v4_is_private(uint32_t address) {
        for (size_t i = 0; i < N_ELEMENTS(private_v4); i++)
                if ((address ^ private_v4[i].network) >> (32 - private_v4[i].prefix) == 0)
                        return true;

        return false;
}

static bool embeds_private_v4(const uint8_t address[static 16]) {
        for (size_t i = 0; i < N_ELEMENTS(embeds_v4); i++) {
                uint32_t v4 = 0;

                if (memcmp(address, embeds_v4[i].prefix, embeds_v4[i].prefix_bytes) != 0)
                        continue;
                for (size_t j = 0; j < V4_BYTES; j++)
                        v4 = v4 << 8 | (address[embeds_v4[i].at + j] ^ embeds_v4[i].mask);
                if (v4_is_private(v4))
                        return true;
        }

        return false;
}

static bool v6_is_private(const uint8_t address[static 16]) {
        if (embeds_private_v4(address))
                return true;
        if (memcmp(address, local_nat64, LOCAL_NAT64_BYTES) == 0)
                return memcmp(address, local_nat64, sizeof(local_nat64)) != 0;

        /* Unique local fc00::/7, link-local fe80::/10, the site-local fec0::/10 of old, multicast. */
        return (address[0] & 0xfe) == 0xfc || (address[0] == 0xfe && (address[1] & 0x80) != 0) ||
               address[0] == 0xff;
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

bool registry_address_name_is_private(const char *name) {
        const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        _cleanup_(freeaddrinfop) struct addrinfo *list = NULL;

        if (getaddrinfo(name, NULL, &hints, &list) != 0)
                return false;
        for (const struct addrinfo *one = list; one; one = one->ai_next)
                if (registry_address_is_private(one->ai_addr))
                        return true;

        return false;
}

const char *registry_address_format(
        const struct sockaddr *address, char ret[static INET6_ADDRSTRLEN]) {
        struct sockaddr_in6 v6;
        struct sockaddr_in v4;

        ret[0] = '\0';
        if (address->sa_family == AF_INET) {
                memcpy(&v4, address, sizeof(v4));
                (void) inet_ntop(AF_INET, &v4.sin_addr, ret, INET6_ADDRSTRLEN);
        } else if (address->sa_family == AF_INET6) {
                memcpy(&v6, address, sizeof(v6));
                (void) inet_ntop(AF_INET6, &v6.sin6_addr, ret, INET6_ADDRSTRLEN);
        }
        return ret;
}

bool registry_address_is(const struct sockaddr *address, const char *text) {
        char own[INET6_ADDRSTRLEN];

        return text[0] != '\0' && strcmp(registry_address_format(address, own), text) == 0;
}
