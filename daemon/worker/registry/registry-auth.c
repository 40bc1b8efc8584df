/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base-clock.h"
#include "base-secret.h"
#include "credentials-login.h"
#include "oci-token.h"
#include "registry-auth.h"
#include "registry-realm.h"

void registry_auth_init(RegistryAuth *auth, RegistryEndpoint *endpoint) {
        *auth = (RegistryAuth){ .endpoint = endpoint };
        (void) pthread_mutex_init(&auth->lock, NULL);
}

void registry_auth_done(RegistryAuth *auth) {
        secret_free(auth->token);
        (void) pthread_mutex_destroy(&auth->lock);
        *auth = (RegistryAuth){ 0 };
}

/* Unlike a registry, a token server that refuses need not say what it would like instead. */
static int set_error(
        const RegistryEndpoint *endpoint,
        const RegistryRequest *request,
        const RegistryResponse *response,
        Error *error) {
        if (response->status != 401 || (!request->login && !request->form))
                return registry_response_error(response, endpoint->name, false, error);

        return error_set(
                error, EACCES, ERROR_ACCESS_DENIED,
                "%s refuses the %s; use another --username, or podman login %s", response->host,
                request->form ? "identity token" : "user name or password", endpoint->name);
}

static int get_with_retries(
        const RegistryEndpoint *endpoint,
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error) {
        RegistryRetry retry;

        registry_retry_init(&retry, &endpoint->waiter);
        for (;;) {
                _cleanup_(error_clear) Error failed = ERROR_NULL;
                RegistryAttempt attempt;
                int r = registry_http_get(http, request, response, &failed);

                if (r >= 0 && response->status == 200)
                        return 0;

                attempt = (RegistryAttempt){
                        .failure = response->failure,
                        .status = response->status,
                        .retry_after = response->retry_after,
                        .is_mirror = endpoint->is_mirror,
                };
                if (registry_retry_wait(&retry, attempt))
                        continue;
                return r < 0 ? error_copy(error, &failed)
                             : set_error(endpoint, request, response, error);
        }
}

static RegistryLogin basic_login(const RegistryEndpoint *endpoint) {
        return (RegistryLogin){
                .scheme = REGISTRY_SCHEME_BASIC,
                .username = endpoint->login.username,
                .password = endpoint->login.password,
        };
}

/* What is asked of a token server. */
typedef struct TokenRequest {
        char *url;  /* owned */
        char *form; /* owned, secret; NULL without an identity token */
} TokenRequest;

static void token_request_done(TokenRequest *request) {
        free(request->url);
        secret_free(request->form);
}

static int make_token_request(
        const RegistryEndpoint *endpoint,
        const RegistryChallenge *challenge,
        TokenRequest *ret,
        Error *error) {
        const char *token = endpoint->login.identity_token, *username = endpoint->login.username;
        char own[sizeof("repository::pull") + REFERENCE_REPOSITORY_MAX];
        const char *scope = challenge->scope[0] != '\0' ? challenge->scope : own;
        int r;

        (void) snprintf(own, sizeof(own), "repository:%s:pull", endpoint->repository);
        if (!token)
                return registry_url_token(
                        challenge->realm, challenge->service, scope, username ? username : "",
                        endpoint->insecure, &ret->url, error);

        r = registry_url_token(challenge->realm, "", "", "", endpoint->insecure, &ret->url, error);
        return r < 0 ? r : registry_realm_form(challenge->service, scope, token, &ret->form, error);
}

static int check_realm(
        const RegistryEndpoint *endpoint, const RegistryChallenge *challenge, Error *error) {
        const RegistryRealmOwner owner = {
                .name = endpoint->name,
                .url = endpoint->url,
                .token_servers = endpoint->token_servers,
        };

        if (!credentials_login_is_set(&endpoint->login) ||
            registry_realm_is_trusted(&owner, challenge->realm))
                return 0;
        return registry_realm_refuse(&owner, challenge->realm, error);
}

static int fetch_token(
        const RegistryEndpoint *endpoint,
        RegistryHttp *http,
        const RegistryChallenge *challenge,
        OciToken *ret,
        Error *error) {
        _cleanup_(registry_response_done) RegistryResponse response = { 0 };
        _cleanup_(token_request_done) TokenRequest token_request = { 0 };
        RegistryLogin login = basic_login(endpoint);
        RegistryRequest request;
        int r;

        r = make_token_request(endpoint, challenge, &token_request, error);
        if (r >= 0)
                r = check_realm(endpoint, challenge, error);
        if (r < 0)
                return r;

        request = (RegistryRequest){
                .url = token_request.url,
                .accept = "application/json",
                .login = login.username && !token_request.form ? &login : NULL,
                .form = token_request.form,
                .body_max = OCI_TOKEN_DOCUMENT_MAX,
        };
        r = get_with_retries(endpoint, http, &request, &response, error);
        if (r < 0)
                return r;

        return oci_token_parse(response.body ? response.body : "", response.size, ret, error);
}

static int auth_take_token(
        RegistryAuth *auth, RegistryHttp *http, const RegistryChallenge *challenge, Error *error) {
        uint64_t asked_usec = clock_usec(CLOCK_BOOTTIME);
        OciToken token = { 0 };
        int r;

        r = fetch_token(auth->endpoint, http, challenge, &token, error);
        if (r < 0)
                return error_prefix(error, "Cannot get a token");

        secret_free(auth->token);
        auth->token = token.token;
        auth->expires_usec = asked_usec + token.expires_in * REGISTRY_USEC_PER_SEC;
        auth->scheme = REGISTRY_SCHEME_BEARER;
        auth->generation++;
        return 1;
}

static int auth_take_basic(RegistryAuth *auth) {
        /* The same again would not help. */
        if (!auth->endpoint->login.username || auth->scheme == REGISTRY_SCHEME_BASIC)
                return 0;

        auth->scheme = REGISTRY_SCHEME_BASIC;
        auth->generation++;
        return 1;
}

static bool needs_scope(const RegistryResponse *denied) {
        const RegistryChallenge *bearer =
                registry_challenges_find(&denied->challenges, REGISTRY_SCHEME_BEARER);

        return bearer && strcmp(bearer->error, "insufficient_scope") == 0;
}

/* Returns 1 when there is a login now that the denied request did not have, else 0. */
static int auth_renew_locked(
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryResponse *denied,
        unsigned generation,
        bool is_fresh,
        Error *error) {
        const RegistryChallenge *bearer =
                registry_challenges_find(&denied->challenges, REGISTRY_SCHEME_BEARER);

        if (denied->status == 403 && !needs_scope(denied))
                return 0;
        if (auth->generation != generation)
                return 1; /* another thread was faster */
        if (bearer)
                return is_fresh && !needs_scope(denied)
                               ? 0
                               : auth_take_token(auth, http, bearer, error);
        if (registry_challenges_find(&denied->challenges, REGISTRY_SCHEME_BASIC))
                return auth_take_basic(auth);

        return 0;
}

static int auth_renew(
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryResponse *denied,
        unsigned generation,
        bool is_fresh,
        Error *error) {
        int r;

        (void) pthread_mutex_lock(&auth->lock);
        r = auth_renew_locked(auth, http, denied, generation, is_fresh, error);
        (void) pthread_mutex_unlock(&auth->lock);
        return r;
}

/* What to log in with now; @ret_token is owned by the caller and must outlive @ret. */
static int auth_get_login(
        RegistryAuth *auth,
        RegistryLogin *ret,
        char **ret_token,
        unsigned *ret_generation,
        Error *error) {
        int r = 0;

        (void) pthread_mutex_lock(&auth->lock);
        *ret = auth->scheme == REGISTRY_SCHEME_BASIC ? basic_login(auth->endpoint)
                                                     : (RegistryLogin){ 0 };
        *ret_generation = auth->generation;
        if (auth->scheme == REGISTRY_SCHEME_BEARER &&
            clock_usec(CLOCK_BOOTTIME) < auth->expires_usec) {
                *ret_token = strdup(auth->token);
                *ret = (RegistryLogin){ .scheme = REGISTRY_SCHEME_BEARER, .token = *ret_token };
                r = *ret_token ? 0 : error_oom(error);
        }
        (void) pthread_mutex_unlock(&auth->lock);
        return r;
}

bool registry_auth_has_login(const RegistryAuth *auth, const RegistryResponse *response) {
        const CredentialsLogin *login = &auth->endpoint->login;

        return login->username ||
               (login->identity_token &&
                registry_challenges_find(&response->challenges, REGISTRY_SCHEME_BEARER));
}

int registry_auth_get(
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error) {
        bool is_widened = false; /* there was a token of the scope that it wanted */

        for (unsigned renewals = 0;; renewals++) {
                _cleanup_(secret_freep) char *token = NULL;
                RegistryRequest authorized = *request;
                unsigned generation;
                RegistryLogin login;
                int r;

                response->failure = REGISTRY_FAILURE_FINAL;
                r = auth_get_login(auth, &login, &token, &generation, error);
                if (r < 0)
                        return r;

                authorized.login = login.scheme != REGISTRY_SCHEME_OTHER ? &login : NULL;
                r = registry_http_get(http, &authorized, response, error);
                if (r >= 0)
                        auth->endpoint->was_reached = true;
                if (r < 0 || (response->status != 401 && response->status != 403) ||
                    renewals == REGISTRY_RENEWALS_MAX)
                        return r;

                if (is_widened && needs_scope(response))
                        return 0;
                is_widened = needs_scope(response);
                r = auth_renew(auth, http, response, generation, renewals > 0, error);
                if (r < 0)
                        response->failure = REGISTRY_FAILURE_FINAL;
                if (r <= 0)
                        return r;
        }
}
