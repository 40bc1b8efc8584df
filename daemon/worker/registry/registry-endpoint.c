/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "credentials-login.h"
#include "registry-endpoint.h"

static int copy_text(const char *text, char **ret, Error *error) {
        if (!text)
                return 0;

        *ret = strdup(text);
        return *ret ? 0 : error_oom(error);
}

static int copy_hosts(RegistryEndpoint *endpoint, const RegistryOptions *options, Error *error) {
        int r;

        if (asprintf(&endpoint->url, "https://%s/", endpoint->host) < 0) {
                endpoint->url = NULL;
                return error_oom(error);
        }

        r = copy_text(
                options->private_hosts ? options->private_hosts : "", &endpoint->private_hosts,
                error);
        return r < 0 ? r
                     : copy_text(
                               options->token_servers ? options->token_servers : "",
                               &endpoint->token_servers, error);
}

static int copy_credentials(
        RegistryEndpoint *endpoint, const RegistryOptions *options, Error *error) {
        int r;

        if (!options->username || !options->password)
                return 0;

        /* RFC 7617: it would end at the colon. */
        if (strchr(options->username, ':'))
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "A user name for a registry cannot contain a colon");

        r = copy_text(options->username, &endpoint->login.username, error);
        return r < 0 ? r : copy_text(options->password, &endpoint->login.password, error);
}

int registry_endpoint_log_in(
        RegistryEndpoint *endpoint, const Credentials *credentials, Error *error) {
        int r;

        if (credentials_login_is_set(&endpoint->login))
                return 0;

        r = credentials_find(
                credentials, endpoint->name, endpoint->repository, &endpoint->login, error);
        return r < 0 ? r : 0;
}

int registry_endpoint_init(
        RegistryEndpoint *endpoint,
        const Reference *reference,
        const RegistryOptions *options,
        Error *error) {
        int r;

        *endpoint = (RegistryEndpoint){
                .insecure = options->insecure,
                .is_mirror = options->is_mirror,
                .waiter = options->waiter,
                .trace = options->trace,
        };
        (void) pthread_mutex_init(&endpoint->lock, NULL);
        (void) snprintf(
                endpoint->host, sizeof(endpoint->host), "%s", reference_api_host(reference));
        memcpy(endpoint->name, reference->host, sizeof(endpoint->name));
        memcpy(endpoint->repository, reference->repository, sizeof(endpoint->repository));
        if (!endpoint->insecure)
                endpoint->scheme = "https";

        r = copy_hosts(endpoint, options, error);
        if (r >= 0)
                r = copy_credentials(endpoint, options, error);
        if (r >= 0)
                r = registry_tls_load(
                        options->certs_dir, reference->host,
                        curl_version_info(CURLVERSION_NOW)->cainfo, &endpoint->tls, error);
        if (r < 0)
                registry_endpoint_done(endpoint);

        return r;
}

void registry_endpoint_done(RegistryEndpoint *endpoint) {
        credentials_login_done(&endpoint->login);
        free(endpoint->url);
        free(endpoint->private_hosts);
        free(endpoint->token_servers);
        registry_tls_done(&endpoint->tls);
        (void) pthread_mutex_destroy(&endpoint->lock);
        *endpoint = (RegistryEndpoint){ 0 };
}

/* The API's root needs no name of a repository, and no credentials. */
static int ping(
        const RegistryEndpoint *endpoint,
        RegistryHttp *http,
        const char *scheme,
        RegistryResponse *response,
        Error *error) {
        _cleanup_(freep) char *url = NULL;
        RegistryRequest request = { .body_max = REGISTRY_ERROR_BODY_MAX };

        if (asprintf(&url, "%s://%s/v2/", scheme, endpoint->host) < 0) {
                url = NULL;
                return error_oom(error);
        }

        request.url = url;
        return registry_http_get(http, &request, response, error);
}

/* One try; returns 0 with the scheme set, or a negative errno with @error set. */
static int try_schemes(
        RegistryEndpoint *endpoint,
        RegistryHttp *http,
        RegistryFailure *ret_failure,
        Error *error) {
        _cleanup_(registry_response_done) RegistryResponse tls = { 0 }, plain = { 0 };
        int r;

        r = ping(endpoint, http, "https", &tls, error);
        *ret_failure = tls.failure;
        if (r >= 0)
                endpoint->scheme = "https";
        if (tls.failure != REGISTRY_FAILURE_HANDSHAKE &&
            tls.failure != REGISTRY_FAILURE_UNREACHABLE)
                return r;

        /* A TLS server answers a plain request with 400. */
        if (ping(endpoint, http, "http", &plain, NULL) < 0 || plain.status == 400)
                return r;

        error_clear(error);
        endpoint->scheme = "http";
        return 0;
}

static int find_scheme(RegistryEndpoint *endpoint, RegistryHttp *http, Error *error) {
        RegistryRetry retry;

        registry_retry_init(&retry, &endpoint->waiter);
        for (;;) {
                _cleanup_(error_clear) Error failed = ERROR_NULL;
                RegistryAttempt attempt = { .is_mirror = endpoint->is_mirror };

                if (try_schemes(endpoint, http, &attempt.failure, &failed) >= 0)
                        return 0;
                if (!registry_retry_wait(&retry, attempt))
                        return error_copy(error, &failed);
        }
}

int registry_endpoint_url(
        RegistryEndpoint *endpoint,
        RegistryHttp *http,
        const char *kind,
        const char *name,
        char **ret,
        Error *error) {
        char *url;
        int r = 0;

        (void) pthread_mutex_lock(&endpoint->lock);
        if (!endpoint->scheme)
                r = find_scheme(endpoint, http, error);
        (void) pthread_mutex_unlock(&endpoint->lock);
        if (r < 0)
                return r;

        if (asprintf(
                    &url, "%s://%s/v2/%s/%s/%s", endpoint->scheme, endpoint->host,
                    endpoint->repository, kind, name) < 0)
                return error_oom(error);

        *ret = url;
        return 0;
}
