/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "registry-url.h"

#define FROM "https://registry.example:5000/v2/name/blobs/x"

static void check_url(const char *url) {
        static const char *const prefixes[] = { "https://", "http://" };
        char host[REGISTRY_HOST_MAX];
        const char *rest = NULL;

        for (size_t i = 0; i < 2; i++)
                if (strncmp(url, prefixes[i], strlen(prefixes[i])) == 0)
                        rest = url + strlen(prefixes[i]);

        /* No other protocol, no user before the host, nothing that ends a header. */
        if (!rest || memchr(rest, '@', strcspn(rest, "/?#")) || strlen(url) > REGISTRY_URL_MAX)
                __builtin_trap();
        for (const char *p = url; *p != '\0'; p++)
                if ((unsigned char) *p <= ' ' || *p == '\x7f')
                        __builtin_trap();
        (void) registry_url_host(url, host);
        (void) registry_url_is_private(url);
}

/* Where a Location header and a realm lead. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        _cleanup_(freep) char *url = NULL, *any = NULL, *token = NULL;

        if (!text)
                return 0;

        if (registry_url_follow(FROM, text, false, &url, NULL) >= 0) {
                check_url(url);
                if (!registry_url_is_tls(url))
                        __builtin_trap();
        }
        if (registry_url_follow(FROM, text, true, &any, NULL) >= 0)
                check_url(any);
        if (registry_url_token(text, text, text, text, false, &token, NULL) >= 0) {
                check_url(token);
                if (!registry_url_is_tls(token))
                        __builtin_trap();
        }
        return 0;
}
