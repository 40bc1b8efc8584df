/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "registry-address.h"
#include "registry-curl.h"

/* CURLOPT_PROXY(3): of a proxy that is given without one. */
#define PROXY_PORT     "1080"
#define PROXY_PORT_TLS "443"

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

        /* 6to4, 2002::/16. */
        if (address[0] == 0x20 && address[1] == 0x02) {
                uint32_t v4;

                memcpy(&v4, address + 2, sizeof(v4));
                return v4_is_private(ntohl(v4));
        }

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

static struct addrinfo *resolve(const char *name, const char *port) {
        const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;

        return getaddrinfo(name, port, &hints, &list) == 0 ? list : NULL;
}

bool registry_address_name_is_private(const char *name) {
        _cleanup_(freeaddrinfop) struct addrinfo *list = resolve(name, NULL);

        for (const struct addrinfo *one = list; one; one = one->ai_next)
                if (registry_address_is_private(one->ai_addr))
                        return true;

        return false;
}

/* Address and port; a scope or flow says nothing about who answers. */
static bool is_same_endpoint(const struct sockaddr *a, const struct sockaddr *b) {
        struct sockaddr_in6 x6, y6;
        struct sockaddr_in x, y;

        if (a->sa_family != b->sa_family)
                return false;

        if (a->sa_family == AF_INET) {
                memcpy(&x, a, sizeof(x));
                memcpy(&y, b, sizeof(y));
                return x.sin_port == y.sin_port && x.sin_addr.s_addr == y.sin_addr.s_addr;
        }
        if (a->sa_family != AF_INET6)
                return false;

        memcpy(&x6, a, sizeof(x6));
        memcpy(&y6, b, sizeof(y6));
        return x6.sin6_port == y6.sin6_port &&
               memcmp(&x6.sin6_addr, &y6.sin6_addr, sizeof(x6.sin6_addr)) == 0;
}

static struct addrinfo *resolve_proxy(const char *proxy) {
        _cleanup_(curl_url_cleanupp) CURLU *url = curl_url();
        _cleanup_(registry_curl_freep) char *host = NULL, *port = NULL;
        const char *otherwise = NULL;

        if (!url ||
            curl_url_set(
                    url, CURLUPART_URL, proxy, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) !=
                    CURLUE_OK ||
            curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
                return NULL;

        if (curl_url_get(url, CURLUPART_PORT, &port, 0) != CURLUE_OK)
                otherwise = strncasecmp(proxy, "https://", strlen("https://")) == 0 ? PROXY_PORT_TLS
                                                                                    : PROXY_PORT;
        if (host[0] == '[')
                host[strcspn(host, "]")] = '\0';
        return resolve(host[0] == '[' ? host + 1 : host, port ? port : otherwise);
}

bool registry_address_is_of_proxy(const struct sockaddr *address, const char *proxy) {
        _cleanup_(freeaddrinfop) struct addrinfo *list = resolve_proxy(proxy);

        for (const struct addrinfo *one = list; one; one = one->ai_next)
                if (is_same_endpoint(one->ai_addr, address))
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
