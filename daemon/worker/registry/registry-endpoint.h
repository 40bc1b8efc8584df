/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where one repository is fetched from and with which credentials: the one place that chooses both.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base-error.h"
#include "credentials.h"
#include "reference.h"
#include "registry-http.h"
#include "registry-tls.h"

/* What a user says about a registry; borrowed. */
typedef struct RegistryOptions {
        const char *username;      /* NULL: anonymous */
        const char *password;      /* NULL: anonymous */
        bool insecure;             /* plain HTTP and unverified certificates are allowed */
        bool is_mirror;            /* others can be asked, so it is given up sooner */
        const char *private_hosts; /* registry-guard.h; NULL: none */
        const char *token_servers; /* registry-realm.h; NULL: none */
        const char *
                certs_dir; /* instead of /etc/containers/certs.d and /etc/docker/certs.d; or NULL */
        RegistryWaiter waiter; /* hears of all waits */
        RegistryTrace trace;   /* hears of all requests */
} RegistryOptions;

/* Read-only after init, except what @lock protects; shared by threads. */
typedef struct RegistryEndpoint {
        char host[REFERENCE_REPOSITORY_MAX + 1]; /* of the API, with the port */
        char *url;                               /* owned; "https://HOST/", whatever the scheme */
        char *private_hosts;                     /* owned; registry-guard.h */
        char *token_servers;                     /* owned; registry-realm.h */
        char name[REFERENCE_REPOSITORY_MAX + 1]; /* the host as in references, with the port */
        char repository[REFERENCE_REPOSITORY_MAX + 1];
        bool insecure;
        bool is_mirror;
        CredentialsLogin login;  /* owned; empty when anonymous */
        RegistryTls tls;         /* owned */
        RegistryWaiter waiter;   /* hears of all waits for it */
        RegistryTrace trace;     /* hears of all requests */
        atomic_bool was_reached; /* something has answered */
        pthread_mutex_t lock;
        const char
                *scheme; /* static; NULL until it is known, which takes a request when @insecure */
} RegistryEndpoint;

/**
 * registry_endpoint_init() - choose where to fetch @reference from
 *
 * Return: 0, or a negative errno with @error set and nothing to release.
 */
int registry_endpoint_init(
        RegistryEndpoint *endpoint,
        const Reference *reference,
        const RegistryOptions *options,
        Error *error);

/**
 * registry_endpoint_log_in() - use the entry for the endpoint's repository, if there is one
 *
 * Before the first request. A user name and a password of the options precede it.
 *
 * Return: 0; a negative errno with @error set if that entry is malformed.
 */
int registry_endpoint_log_in(
        RegistryEndpoint *endpoint, const Credentials *credentials, Error *error);

/** registry_endpoint_done() - scrub and release what @endpoint owns */
void registry_endpoint_done(RegistryEndpoint *endpoint);

/**
 * registry_endpoint_url() - the URL of something in the repository
 * @kind:       "manifests", "referrers" or "blobs"; or "tags"
 * @name:       a tag or digest; or "list"
 * @ret:        owned by the caller
 *
 * When @endpoint is insecure, the first call asks the registry whether it speaks HTTPS; it speaks
 * plain HTTP when it refuses the connection or the handshake, and then answers a plain request.
 *
 * Return: 0, or a negative errno with @error set.
 */
int registry_endpoint_url(
        RegistryEndpoint *endpoint,
        RegistryHttp *http,
        const char *kind,
        const char *name,
        char **ret,
        Error *error);
