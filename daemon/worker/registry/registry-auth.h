/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Logging in: Basic (RFC 7617), and Bearer tokens as the token specification of the distribution
 * project has them. One token serves all threads; it is fetched again when it has expired or is
 * refused.
 *
 * A realm has to be https unless the endpoint is insecure, and at no private address unless it is on
 * the registry's own host or address.
 */

#include <pthread.h>
#include <stdint.h>

#include "base-error.h"
#include "registry-endpoint.h"
#include "registry-http.h"

#define REGISTRY_RENEWALS_MAX 2U /* of one request: the first token, and one of another scope */

/* Shared by threads. */
typedef struct RegistryAuth {
        RegistryEndpoint *endpoint; /* borrowed */
        pthread_mutex_t lock;       /* held while a token is fetched: one fetch serves all */
        RegistryScheme scheme;      /* how requests log in; REGISTRY_SCHEME_OTHER: not at all */
        char *token;                /* owned, secret; for Bearer */
        uint64_t expires_usec;      /* CLOCK_BOOTTIME; @token is not sent any more from then on */
        unsigned generation;        /* counts the changes of the above */
} RegistryAuth;

/** registry_auth_init() - not logged in; @endpoint is borrowed and must outlive @auth */
void registry_auth_init(RegistryAuth *auth, RegistryEndpoint *endpoint);

/** registry_auth_done() - scrub and release what @auth owns */
void registry_auth_done(RegistryAuth *auth);

/**
 * registry_auth_has_login() - whether there is something to log in with as @response asks for it
 *
 * An identity token is of no use where a password is asked for.
 */
bool registry_auth_has_login(const RegistryAuth *auth, const RegistryResponse *response);

/**
 * registry_auth_get() - registry_http_get() with the authorization that the registry asks for
 * @request:    its @login is not looked at
 *
 * Return: 0 when there is a response, which is a 401 or 403 when there is no (other) way to log in;
 * a negative errno with @error set when there is none, or no token (also ERROR_ACCESS_DENIED,
 * ERROR_AUTHENTICATION_REQUIRED, ERROR_TOO_MANY_REQUESTS, ERROR_REGISTRY_ERROR). Then
 * @response->failure tells whether the request itself is worth another try; fetching a token was
 * tried again already.
 */
int registry_auth_get(
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error);
