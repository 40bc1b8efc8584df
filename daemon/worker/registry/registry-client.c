/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base-secret.h"
#include "base-text.h"
#include "oci-document.h"
#include "oci-media-type.h"
#include "oci-token.h"
#include "registry-auth.h"
#include "registry-client.h"
#include "registry-http.h"
#include "registry-loop.h"
#include "registry-ranges.h"

#define NAME_CHARACTERS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-:"

struct RegistryClient {
        char name[REFERENCE_MAX + 1]; /* of the repository, for messages */
        RegistryEndpoint endpoint;
        RegistryAuth auth;
        RegistryLoop *loop;                                  /* owned */
        RegistryGuardHome home;                              /* what is known of where it is */
        atomic_bool has_ranges;                              /* a blob comes in ranges */
        pthread_mutex_t lock;                                /* of what follows */
        RegistryHttp *idle[REGISTRY_CLIENT_CONNECTIONS_MAX]; /* owned */
        size_t n_idle;
};

/* Both copy passwords and tokens, and would free their memory without clearing it. */
static int set_up_libraries(Error *error) {
        if (curl_global_init_mem(
                    CURL_GLOBAL_DEFAULT, malloc, secret_free, secret_realloc, strdup, calloc) !=
            CURLE_OK)
                return error_set(error, EIO, ERROR_FAILED, "Cannot set up libcurl");

        oci_token_set_up();
        return 0;
}

int registry_client_new(
        const Reference *reference,
        const RegistryOptions *options,
        RegistryClient **ret,
        Error *error) {
        RegistryClient *client;
        int r;

        r = set_up_libraries(error);
        if (r < 0)
                return r;

        client = calloc(1, sizeof(*client));
        if (!client) {
                curl_global_cleanup();
                return error_oom(error);
        }

        r = registry_loop_new(&client->loop, error);
        if (r >= 0)
                r = registry_endpoint_init(&client->endpoint, reference, options, error);
        if (r < 0) {
                registry_loop_free(client->loop);
                free(client);
                curl_global_cleanup();
                return r;
        }

        (void) snprintf(
                client->name, sizeof(client->name), "%s/%s", reference->host,
                reference->repository);
        registry_auth_init(&client->auth, &client->endpoint);
        (void) pthread_mutex_init(&client->lock, NULL);
        (void) pthread_mutex_init(&client->home.lock, NULL);
        *ret = client;
        return 0;
}

int registry_client_log_in(RegistryClient *client, const Credentials *credentials, Error *error) {
        return registry_endpoint_log_in(&client->endpoint, credentials, error);
}

RegistryClient *registry_client_free(RegistryClient *client) {
        if (!client)
                return NULL;

        for (size_t i = 0; i < client->n_idle; i++)
                registry_http_free(client->idle[i]);
        registry_loop_free(client->loop);
        registry_auth_done(&client->auth);
        registry_endpoint_done(&client->endpoint);
        (void) pthread_mutex_destroy(&client->lock);
        (void) pthread_mutex_destroy(&client->home.lock);
        free(client);
        curl_global_cleanup();
        return NULL;
}

static RegistryHttpSettings client_settings(RegistryClient *client) {
        return (RegistryHttpSettings){
                .tls = &client->endpoint.tls,
                .insecure = client->endpoint.insecure,
                .home_url = client->endpoint.url,
                .private_hosts = client->endpoint.private_hosts,
                .home = &client->home,
                .loop = client->loop,
                .trace = &client->endpoint.trace,
                .is_mirror = client->endpoint.is_mirror,
        };
}

static int client_take_http(RegistryClient *client, RegistryHttp **ret, Error *error) {
        const RegistryHttpSettings settings = client_settings(client);
        RegistryHttp *http = NULL;

        (void) pthread_mutex_lock(&client->lock);
        if (client->n_idle > 0)
                http = client->idle[--client->n_idle];
        (void) pthread_mutex_unlock(&client->lock);

        if (!http)
                return registry_http_new(&settings, ret, error);

        *ret = http;
        return 0;
}

static void client_return_http(RegistryClient *client, RegistryHttp *http) {
        (void) pthread_mutex_lock(&client->lock);
        if (client->n_idle < REGISTRY_CLIENT_CONNECTIONS_MAX)
                client->idle[client->n_idle++] = TAKE_PTR(http);
        (void) pthread_mutex_unlock(&client->lock);

        registry_http_free(http);
}

/* With @is_once, a failure is final: no other try, and no wait. */
static int client_get_document(
        RegistryClient *client,
        RegistryHttp *http,
        const RegistryRequest *request,
        bool is_once,
        RegistryResponse *response,
        Error *error) {
        RegistryRetry retry;

        registry_retry_init(&retry, &client->endpoint.waiter);
        for (;;) {
                _cleanup_(error_clear) Error failed = ERROR_NULL;
                RegistryAttempt attempt;
                int r = registry_auth_get(&client->auth, http, request, response, &failed);

                if (r >= 0 && response->status == 200)
                        return 0;

                attempt = (RegistryAttempt){
                        .failure = response->failure,
                        .status = response->status,
                        .retry_after = response->retry_after,
                        .was_reached = client->endpoint.was_reached,
                        .is_mirror = client->endpoint.is_mirror,
                };
                if (!is_once && registry_retry_wait(&retry, attempt))
                        continue;
                return r < 0 ? error_copy(error, &failed)
                             : registry_response_error(
                                       response, client->endpoint.name,
                                       registry_auth_has_login(&client->auth, response), error);
        }
}

static int document_from_response(RegistryResponse *response, RegistryDocument *ret, Error *error) {
        _cleanup_(registry_document_done) RegistryDocument document = { 0 };

        if (response->content_type[0] != '\0') {
                document.content_type = strdup(response->content_type);
                if (!document.content_type)
                        return error_oom(error);
        }

        document.size = response->size;
        document.data = response->body ? TAKE_PTR(response->body) : strdup("");
        if (!document.data)
                return error_oom(error);

        *ret = (RegistryDocument){
                .data = TAKE_PTR(document.data),
                .size = document.size,
                .content_type = TAKE_PTR(document.content_type),
        };
        return 0;
}

static int get_document(
        RegistryClient *client,
        RegistryHttp *http,
        const char *kind,
        const char *name,
        RegistryDocument *ret,
        Error *error) {
        _cleanup_(registry_response_done) RegistryResponse response = { 0 };
        RegistryRequest request = {
                .accept = oci_media_type_accept(),
                .body_max = OCI_DOCUMENT_MAX,
        };
        _cleanup_(freep) char *url = NULL;
        int r;

        r = registry_endpoint_url(&client->endpoint, http, kind, name, &url, error);
        if (r < 0)
                return r;

        request.url = url;
        r = client_get_document(client, http, &request, false, &response, error);
        return r < 0 ? r : document_from_response(&response, ret, error);
}

int registry_client_get_manifest(
        RegistryClient *client, const char *name, RegistryDocument *ret, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        RegistryHttp *http;
        int r;

        /* It becomes part of a path. */
        if (name[0] == '.' || name[0] == '\0' || name[strspn(name, NAME_CHARACTERS)] != '\0')
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE, "%s is neither a tag nor a digest",
                        text_quote(name, quoted));

        r = client_take_http(client, &http, error);
        if (r < 0)
                return r;

        r = get_document(client, http, "manifests", name, ret, error);
        client_return_http(client, http);
        return r < 0 ? error_prefix(
                               error, "Cannot fetch the manifest %s of %s",
                               text_quote(name, quoted), client->name)
                     : 0;
}

/* Where the page after @response's is; NULL if that was the last one. */
static int find_next_page(
        const char *url, const RegistryResponse *response, char **ret, Error *error) {
        *ret = NULL;
        if (response->has_bad_link)
                return error_set(
                        error, EPROTO, ERROR_REGISTRY_ERROR,
                        "%s sent a link to more tags that cannot be read", response->host);

        return response->next[0] != '\0' ? registry_url_next_page(url, response->next, ret, error)
                                         : 0;
}

static int get_tags(
        RegistryClient *client,
        RegistryHttp *http,
        bool is_once,
        char **url,
        RegistryDocument *ret,
        Error *error) {
        _cleanup_(registry_response_done) RegistryResponse response = { 0 };
        RegistryRequest request = { .body_max = OCI_DOCUMENT_MAX };
        char *next = NULL;
        int r = 0;

        if (!*url)
                r = registry_endpoint_url(&client->endpoint, http, "tags", "list", url, error);
        if (r < 0)
                return r;

        request.url = *url;
        r = client_get_document(client, http, &request, is_once, &response, error);
        if (r >= 0)
                r = find_next_page(*url, &response, &next, error);
        if (r < 0)
                return r;

        free(*url);
        *url = next;
        return document_from_response(&response, ret, error);
}

int registry_client_get_tags(
        RegistryClient *client, char **url, RegistryDocument *ret, Error *error) {
        RegistryHttp *http;
        int r;

        r = client_take_http(client, &http, error);
        if (r < 0)
                return r;

        r = get_tags(client, http, false, url, ret, error);
        client_return_http(client, http);
        return r < 0 ? error_prefix(error, "Cannot list the tags of %s", client->name) : 0;
}

int registry_client_find_repository(RegistryClient *client, Error *error) {
        _cleanup_(registry_document_done) RegistryDocument page = { 0 };
        _cleanup_(freep) char *url = NULL;
        RegistryHttp *http;
        int r;

        r = client_take_http(client, &http, error);
        if (r < 0)
                return r;

        r = get_tags(client, http, true, &url, &page, error);
        client_return_http(client, http);
        return r;
}

int registry_client_get_referrers(
        RegistryClient *client, const Digest *digest, RegistryDocument *ret, Error *error) {
        char name[DIGEST_STRING_MAX];
        RegistryHttp *http;
        int r;

        r = client_take_http(client, &http, error);
        if (r < 0)
                return r;

        r = get_document(client, http, "referrers", digest_format(digest, name), ret, error);
        client_return_http(client, http);
        return r < 0 ? error_prefix(
                               error, "Cannot fetch the referrers of %s of %s", name, client->name)
                     : 0;
}

/* One blob at a time comes in ranges: more of them would only compete. */
static int client_get_blob(
        RegistryClient *client,
        RegistryHttp *http,
        const RegistryBlobRequest *request,
        Error *error) {
        const RegistryHttpSettings settings = client_settings(client);
        int r;

        if (!registry_ranges_may_help(request) || atomic_exchange(&client->has_ranges, true))
                return registry_blob_get(&client->endpoint, &client->auth, http, request, error);

        r = registry_ranges_get(&client->endpoint, &client->auth, http, &settings, request, error);
        client->has_ranges = false;
        return r;
}

int registry_client_get_blob(
        RegistryClient *client, const RegistryBlobRequest *request, Error *error) {
        char name[DIGEST_STRING_MAX];
        RegistryHttp *http;
        int r;

        r = client_take_http(client, &http, error);
        if (r < 0)
                return r;

        r = client_get_blob(client, http, request, error);
        client_return_http(client, http);
        return r < 0 ? error_prefix(
                               error, "Cannot fetch the blob %s of %s",
                               digest_format(request->digest, name), client->name)
                     : 0;
}

void registry_document_done(RegistryDocument *document) {
        free(document->data);
        free(document->content_type);
        *document = (RegistryDocument){ 0 };
}
