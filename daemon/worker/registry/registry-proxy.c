/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "registry-address.h"
#include "registry-curl.h"
#include "registry-proxy.h"
#include "registry-url.h"

/* CURLOPT_PROXY(3): of a proxy that is given without one. */
#define PROXY_PORT     "1080"
#define PROXY_PORT_TLS "443"

/* What libcurl takes a proxy for @url from: the first that is set decides, and an empty one means none.
 * HTTP_PROXY is what a CGI program gets from a request's Proxy header. */
static const char *proxy_for(const char *url) {
        static const char *const tls_names[] = {
                "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL,
        };
        static const char *const plain_names[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };

        if (registry_url_is_loopback(url))
                return NULL;

        for (const char *const *name = registry_url_is_tls(url) ? tls_names : plain_names; *name;
             name++) {
                const char *value = getenv(*name);

                if (value)
                        return value[0] != '\0' ? value : NULL;
        }

        return NULL;
}

void registry_proxy_done(RegistryProxy *proxy) {
        if (proxy->addresses)
                freeaddrinfo(proxy->addresses);
        curl_slist_free_all(proxy->pinned);
        *proxy = (RegistryProxy){ 0 };
}

/* Appends to what is open as @file; returns whether libcurl can be told it. */
static bool print_address(FILE *file, const struct addrinfo *one, bool is_first) {
        char text[INET6_ADDRSTRLEN];
        struct sockaddr_in6 v6;
        const bool is_v6 = one->ai_family == AF_INET6;

        if (is_v6) {
                memcpy(&v6, one->ai_addr, sizeof(v6));
                if (v6.sin6_scope_id != 0)
                        return false;
        }

        (void) registry_address_format(one->ai_addr, text);
        (void) fprintf(
                file, "%s%s%s%s", is_first ? "" : ",", is_v6 ? "[" : "", text, is_v6 ? "]" : "");
        return text[0] != '\0';
}

/* "HOST:PORT:ADDRESS,…" */
static int pin(RegistryProxy *proxy, const char *host, const char *port, Error *error) {
        _cleanup_(freep) char *text = NULL;
        bool is_told = true;
        size_t size;
        FILE *file;

        file = open_memstream(&text, &size);
        if (!file)
                return error_oom(error);

        (void) fprintf(file, "%s:%s:", host, port);
        for (const struct addrinfo *one = proxy->addresses; one && is_told; one = one->ai_next)
                is_told = print_address(file, one, one == proxy->addresses);
        if (fclose(file) < 0)
                return error_oom(error);
        if (!is_told)
                return 0;

        proxy->pinned = curl_slist_append(NULL, text);
        return proxy->pinned ? 0 : error_oom(error);
}

int registry_proxy_find(const char *url, RegistryProxy *ret, Error *error) {
        const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        _cleanup_(curl_url_cleanupp) CURLU *parsed = curl_url();
        _cleanup_(registry_curl_freep) char *host = NULL, *given_port = NULL;
        const char *text = proxy_for(url), *port;

        *ret = (RegistryProxy){ .is_named = text != NULL };
        if (!text)
                return 0;
        if (!parsed)
                return error_oom(error);
        if (curl_url_set(
                    parsed, CURLUPART_URL, text, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) !=
                    CURLUE_OK ||
            curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
                return 0;

        port = strncasecmp(text, "https://", strlen("https://")) == 0 ? PROXY_PORT_TLS : PROXY_PORT;
        if (curl_url_get(parsed, CURLUPART_PORT, &given_port, 0) == CURLUE_OK)
                port = given_port;

        /* An address needs no look-up. */
        if (host[0] == '[') {
                host[strcspn(host, "]")] = '\0';
                (void) getaddrinfo(host + 1, port, &hints, &ret->addresses);
                return 0;
        }
        return getaddrinfo(host, port, &hints, &ret->addresses) == 0 ? pin(ret, host, port, error)
                                                                     : 0;
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

bool registry_proxy_is_at(const RegistryProxy *proxy, const struct sockaddr *address) {
        for (const struct addrinfo *one = proxy->addresses; one; one = one->ai_next)
                if (is_same_endpoint(one->ai_addr, address))
                        return true;

        return false;
}
