/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "registry-address.h"
#include "registry-curl.h"
#include "registry-url.h"

/* NULL when @text is no URL, or none of http and https. */
static CURLU *url_parse(const char *text) {
        _cleanup_(curl_url_cleanupp) CURLU *url = curl_url();
        _cleanup_(registry_curl_freep) char *scheme = NULL;

        if (!url || curl_url_set(url, CURLUPART_URL, text, CURLU_URLENCODE) != CURLUE_OK ||
            curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
                return NULL;
        if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
                return NULL;

        return TAKE_PTR(url);
}

/* Whether one part of both is there and the same; none of the parts that are asked for has case. */
static bool url_same_part(CURLU *a, CURLU *b, CURLUPart part) {
        _cleanup_(registry_curl_freep) char *x = NULL, *y = NULL;

        return curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
               curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK && strcasecmp(x, y) == 0;
}

char *registry_url_host(const char *url, char ret[static REGISTRY_HOST_MAX]) {
        _cleanup_(curl_url_cleanupp) CURLU *parsed = url_parse(url);
        _cleanup_(registry_curl_freep) char *host = NULL, *port = NULL;

        if (!parsed || curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
                (void) snprintf(ret, REGISTRY_HOST_MAX, "the registry");
                return ret;
        }

        if (curl_url_get(parsed, CURLUPART_PORT, &port, 0) == CURLUE_OK)
                (void) snprintf(ret, REGISTRY_HOST_MAX, "%s:%s", host, port);
        else
                (void) snprintf(ret, REGISTRY_HOST_MAX, "%s", host);

        /* It may come from a redirect. */
        for (char *p = ret; *p != '\0'; p++)
                if (*p <= ' ' || *p > '~')
                        *p = '?';
        return ret;
}

bool registry_url_same_origin(const char *a, const char *b) {
        _cleanup_(curl_url_cleanupp) CURLU *x = url_parse(a), *y = url_parse(b);

        return x && y && url_same_part(x, y, CURLUPART_SCHEME) &&
               url_same_part(x, y, CURLUPART_HOST) && url_same_part(x, y, CURLUPART_PORT);
}

bool registry_url_same_host(const char *a, const char *b) {
        _cleanup_(curl_url_cleanupp) CURLU *x = url_parse(a), *y = url_parse(b);

        return x && y && url_same_part(x, y, CURLUPART_HOST);
}

bool registry_url_is_loopback(const char *url) {
        _cleanup_(curl_url_cleanupp) CURLU *parsed = url_parse(url);
        _cleanup_(registry_curl_freep) char *host = NULL;

        if (!parsed || curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
                return false;

        return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
               (strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == '\0');
}

bool registry_url_is_private(const char *url) {
        _cleanup_(curl_url_cleanupp) CURLU *parsed = url_parse(url);
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        _cleanup_(registry_curl_freep) char *host = NULL;

        if (!parsed || curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
                return false;

        if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
                return registry_address_is_private((const struct sockaddr *) &v4);
        if (host[0] != '[')
                return false;

        host[strcspn(host, "]")] = '\0';
        return inet_pton(AF_INET6, host + 1, &v6.sin6_addr) == 1 &&
               registry_address_is_private((const struct sockaddr *) &v6);
}

bool registry_url_is_tls(const char *url) {
        return strncasecmp(url, "https://", strlen("https://")) == 0;
}

static int url_format(CURLU *url, char **ret, Error *error) {
        _cleanup_(registry_curl_freep) char *text = NULL;
        char *copy;

        if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
                return error_oom(error);
        if (strlen(text) > REGISTRY_URL_MAX)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "The registry refers to a URL of more than %zu bytes", REGISTRY_URL_MAX);

        copy = strdup(text);
        if (!copy)
                return error_oom(error);

        *ret = copy;
        return 0;
}

int registry_url_follow(
        const char *from, const char *location, bool insecure, char **ret, Error *error) {
        _cleanup_(curl_url_cleanupp) CURLU *url = url_parse(from);
        _cleanup_(registry_curl_freep) char *scheme = NULL;
        char host[REGISTRY_HOST_MAX];

        registry_url_host(from, host);
        if (!url || curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE) != CURLUE_OK ||
            curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
            (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
                return error_set(
                        error, EPROTO, ERROR_REGISTRY_ERROR,
                        "%s redirected to something that is not an HTTP URL", host);

        if (registry_url_is_tls(from) && strcmp(scheme, "https") != 0 && !insecure)
                return error_set(
                        error, EPROTO, ERROR_TLS_ERROR,
                        "%s redirects from HTTPS to plain HTTP (--not-secure would allow it)",
                        host);

        /* A user in the address would become an Authorization header. */
        (void) curl_url_set(url, CURLUPART_USER, NULL, 0);
        (void) curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
        (void) curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
        return url_format(url, ret, error);
}

/* Copies one part, which may be absent. */
static bool url_copy_part(CURLU *to, CURLU *from, CURLUPart part) {
        _cleanup_(registry_curl_freep) char *text = NULL;

        (void) curl_url_get(from, part, &text, 0);
        return curl_url_set(to, part, text, 0) == CURLUE_OK;
}

int registry_url_next_page(const char *from, const char *link, char **ret, Error *error) {
        _cleanup_(curl_url_cleanupp) CURLU *url = url_parse(from), *next = url_parse(from);
        char host[REGISTRY_HOST_MAX];

        registry_url_host(from, host);
        if (!url || !next)
                return error_oom(error);
        if (curl_url_set(next, CURLUPART_URL, link, CURLU_URLENCODE) != CURLUE_OK ||
            !url_same_part(url, next, CURLUPART_HOST))
                return error_set(
                        error, EPROTO, ERROR_REGISTRY_ERROR,
                        "%s refers to something that is not on this host for the rest of a list",
                        host);
        if (!url_copy_part(url, next, CURLUPART_PATH) || !url_copy_part(url, next, CURLUPART_QUERY))
                return error_oom(error);

        (void) curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
        return url_format(url, ret, error);
}

static int url_add_query(CURLU *url, const char *name, const char *value, Error *error) {
        _cleanup_(freep) char *pair = NULL;

        if (value[0] == '\0')
                return 0;

        if (asprintf(&pair, "%s=%s", name, value) < 0) {
                pair = NULL;
                return error_oom(error);
        }
        if (curl_url_set(url, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE) !=
            CURLUE_OK)
                return error_oom(error);

        return 0;
}

static bool url_has(CURLU *url, CURLUPart part) {
        _cleanup_(registry_curl_freep) char *text = NULL;

        return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

int registry_url_token(
        const char *realm,
        const char *service,
        const char *scope,
        const char *account,
        bool insecure,
        char **ret,
        Error *error) {
        _cleanup_(curl_url_cleanupp) CURLU *url = url_parse(realm);
        int r;

        if (!url || url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
                return error_set(
                        error, EPROTO, ERROR_REGISTRY_ERROR,
                        "The registry's token server has an unusable URL");
        if (!registry_url_is_tls(realm) && !insecure)
                return error_set(
                        error, EPROTO, ERROR_TLS_ERROR,
                        "The registry's token server uses plain HTTP (--not-secure would allow it)");

        (void) curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
        r = url_add_query(url, "account", account, error);
        if (r < 0)
                return r;
        r = url_add_query(url, "service", service, error);
        if (r < 0)
                return r;
        r = url_add_query(url, "scope", scope, error);
        if (r < 0)
                return r;

        return url_format(url, ret, error);
}
