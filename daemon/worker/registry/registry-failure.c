/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "registry-failure.h"

/* What OpenSSL says when the answer to a handshake is plain text. Nothing but the text gets through
 * libcurl. */
static const char *const plain_texts[] = {
        "wrong version number",
        "packet length too long",
        "http request",
};

static const struct {
        CURLcode code;
        RegistryFailure failure;
} codes[] = {
        { CURLE_COULDNT_RESOLVE_PROXY, REGISTRY_FAILURE_UNREACHABLE },
        { CURLE_COULDNT_RESOLVE_HOST, REGISTRY_FAILURE_UNREACHABLE },
        { CURLE_COULDNT_CONNECT, REGISTRY_FAILURE_UNREACHABLE },
        { CURLE_PROXY, REGISTRY_FAILURE_UNREACHABLE },
        { CURLE_SSL_CONNECT_ERROR, REGISTRY_FAILURE_HANDSHAKE },
        { CURLE_PEER_FAILED_VERIFICATION, REGISTRY_FAILURE_CERTIFICATE },
        { CURLE_SSL_CACERT_BADFILE, REGISTRY_FAILURE_CERTIFICATE },
        { CURLE_SSL_CERTPROBLEM, REGISTRY_FAILURE_CERTIFICATE },
        { CURLE_SSL_CIPHER, REGISTRY_FAILURE_CERTIFICATE },
        { CURLE_SSL_ISSUER_ERROR, REGISTRY_FAILURE_CERTIFICATE },
        { CURLE_SSL_CLIENTCERT, REGISTRY_FAILURE_CERTIFICATE },
        { CURLE_WRITE_ERROR, REGISTRY_FAILURE_FINAL },
        { CURLE_OUT_OF_MEMORY, REGISTRY_FAILURE_FINAL },
        { CURLE_URL_MALFORMAT, REGISTRY_FAILURE_FINAL },
        { CURLE_UNSUPPORTED_PROTOCOL, REGISTRY_FAILURE_FINAL },
        { CURLE_WEIRD_SERVER_REPLY, REGISTRY_FAILURE_FINAL },
};

static RegistryFailure classify_timeout(const RegistryTrouble *trouble) {
        curl_off_t connected = 0, ready = 0;

        (void) curl_easy_getinfo(trouble->easy, CURLINFO_CONNECT_TIME_T, &connected);
        (void) curl_easy_getinfo(trouble->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
        if (ready > 0)
                return REGISTRY_FAILURE_BROKEN;

        return connected > 0 && trouble->is_tls ? REGISTRY_FAILURE_HANDSHAKE
                                                : REGISTRY_FAILURE_UNREACHABLE;
}

/* "tlsv1 alert …": the peer knows TLS, and does not like what it sees. With TLS 1.3, a missing client
 * certificate shows only when the answer is read. */
static bool is_alert(const char *reason) {
        return strstr(reason, "SSL routines") && strstr(reason, " alert ");
}

RegistryFailure registry_trouble_classify(const RegistryTrouble *trouble) {
        if (trouble->code == CURLE_OPERATION_TIMEDOUT)
                return classify_timeout(trouble);
        if (is_alert(trouble->reason))
                return REGISTRY_FAILURE_CERTIFICATE;

        for (size_t i = 0; i < N_ELEMENTS(codes); i++)
                if (codes[i].code == trouble->code)
                        return codes[i].failure;

        return REGISTRY_FAILURE_BROKEN;
}

static bool speaks_plain_http(const char *reason) {
        for (size_t i = 0; i < N_ELEMENTS(plain_texts); i++)
                if (strstr(reason, plain_texts[i]))
                        return true;

        return false;
}

static const char *trouble_reason(const RegistryTrouble *trouble) {
        long os_error = 0;

        (void) curl_easy_getinfo(trouble->easy, CURLINFO_OS_ERRNO, &os_error);
        if (trouble->code == CURLE_COULDNT_CONNECT && os_error > 0)
                return strerror((int) os_error);

        return trouble->reason[0] != '\0' ? trouble->reason : curl_easy_strerror(trouble->code);
}

int registry_trouble_error(const RegistryTrouble *trouble, RegistryFailure failure, Error *error) {
        const char *reason = trouble_reason(trouble);
        char quoted[TEXT_QUOTE_MAX];
        bool is_plain = speaks_plain_http(reason);

        /* It may have a name from a redirect in it. */
        reason = text_quote(reason, quoted);

        switch (failure) {
        case REGISTRY_FAILURE_UNREACHABLE:
                return error_set(
                        error, EHOSTUNREACH, ERROR_REGISTRY_UNAVAILABLE, "Cannot connect to %s: %s",
                        trouble->host, reason);
        case REGISTRY_FAILURE_HANDSHAKE:
                if (is_plain)
                        return error_set(
                                error, EPROTO, ERROR_TLS_ERROR,
                                "%s speaks plain HTTP, not HTTPS (--not-secure would allow it)",
                                trouble->host);
                return error_set(
                        error, EPROTO, ERROR_TLS_ERROR, "Cannot set up TLS with %s: %s",
                        trouble->host, reason);
        case REGISTRY_FAILURE_CERTIFICATE:
                return error_set(
                        error, EPROTO, ERROR_TLS_ERROR, "The TLS connection to %s is refused: %s",
                        trouble->host, reason);
        case REGISTRY_FAILURE_NONE:
        case REGISTRY_FAILURE_BROKEN:
                return error_set(
                        error, EREMOTEIO, ERROR_REGISTRY_UNAVAILABLE,
                        "The connection to %s broke: %s", trouble->host, reason);
        case REGISTRY_FAILURE_FINAL:
                break;
        }

        if (trouble->code == CURLE_OUT_OF_MEMORY)
                return error_oom(error);

        return error_set(
                error, EREMOTEIO, ERROR_REGISTRY_ERROR, "Cannot talk to %s: %s", trouble->host,
                reason);
}
