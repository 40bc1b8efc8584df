/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "registry-handle.h"
#include "registry-url.h"

static struct curl_blob pem_blob(char *pem) {
        return (struct curl_blob){ .data = pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };
}

static CURLcode set_certificate(CURL *easy, const RegistryTls *tls) {
        struct curl_blob certificate, key;
        CURLcode r;

        if (!tls->certificate)
                return CURLE_OK;

        certificate = pem_blob(tls->certificate);
        r = curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
        if (r != CURLE_OK)
                return r;

        key = pem_blob(tls->key);
        return curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
}

static CURLcode set_tls(CURL *easy, const RegistryTls *tls, bool insecure) {
        struct curl_blob authorities;

        (void) curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        (void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, insecure ? 0L : 1L);
        (void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, insecure ? 0L : 2L);

        if (!tls->authorities)
                return CURLE_OK;

        authorities = pem_blob(tls->authorities);
        return curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authorities);
}

static void set_limits(CURL *easy) {
        (void) curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, REGISTRY_CONNECT_TIMEOUT_SEC);
        (void) curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void) curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, REGISTRY_STALL_TIMEOUT_SEC);
        (void) curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, REGISTRY_BUFFER_BYTES);
}

/* What libcurl would do, or may come to do, by itself. */
static CURLcode set_policy(CURL *easy) {
        (void) curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
        (void) curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        (void) curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
        (void) curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        (void) curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);
        (void) curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
}

CURLcode registry_handle_setup(
        CURL *easy, const RegistryTls *tls, bool insecure, const char *home_url, const char *url) {
        CURLcode r;

        curl_easy_reset(easy);
        set_limits(easy);
        r = set_policy(easy);
        if (r == CURLE_OK)
                r = set_tls(easy, tls, insecure);
        /* Whoever else asks for one is not to know who this is. */
        if (r == CURLE_OK && registry_url_same_host(url, home_url))
                r = set_certificate(easy, tls);
        if (r == CURLE_OK)
                r = curl_easy_setopt(easy, CURLOPT_URL, url);
        if (r == CURLE_OK)
                r = curl_easy_setopt(easy, CURLOPT_USERAGENT, REGISTRY_USER_AGENT);
        /* Wait for a connection that may take this request, too: it has to speak TLS before it speaks HTTP/2. */
        (void) curl_easy_setopt(easy, CURLOPT_PIPEWAIT, registry_url_is_tls(url) ? 1L : 0L);
        if (r == CURLE_OK && registry_url_is_loopback(url))
                r = curl_easy_setopt(easy, CURLOPT_PROXY, "");

        return r;
}
