/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One GET request, or a form to POST: HTTP/1.1 or HTTP/2 (RFC 9110) over TLS or, when that is allowed, without.
 *
 * Redirects are followed here, at most REGISTRY_REDIRECTS_MAX, by http and https only, and never from
 * https to http unless that is allowed. The Authorization header goes to the first origin (scheme,
 * host, port) and is dropped for good when a redirect leaves it. A form goes nowhere else.
 *
 * Hosts that the registry chooses are connected to by the rules of registry-guard.h. Callbacks, on_body
 * among them, run in the thread of registry-loop.h.
 *
 * Proxies come from the environment as libcurl(3) reads it (https_proxy, http_proxy, all_proxy,
 * no_proxy), except that hosts named "localhost", 127.x.x.x and [::1] are always reached directly.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "registry-guard.h"
#include "registry-loop.h"
#include "registry-response.h"
#include "registry-tls.h"
#include "registry-trace.h"

#define REGISTRY_REDIRECTS_MAX        10U
#define REGISTRY_DOCUMENT_TIMEOUT_SEC 300L /* a whole response that is collected in memory */
#define REGISTRY_HEADERS_MAX          ((size_t) 128 * 1024) /* bytes of one response's headers */
#define REGISTRY_HEADER_TEXT_MAX      ((size_t) 256)        /* of a header that is handed on */
typedef struct RegistryHttp RegistryHttp;

/* A way to log in; everything is borrowed. */
typedef struct RegistryLogin {
        RegistryScheme scheme; /* Basic or Bearer */
        const char *username;  /* Basic */
        const char *password;  /* Basic */
        const char *token;     /* Bearer */
} RegistryLogin;

/* What a request wants; everything is borrowed. */
typedef struct RegistryRequest {
        const char *url;
        const char *accept;         /* Accept header; NULL: anything */
        const RegistryLogin *login; /* what the Authorization header says; NULL: there is none */
        uint64_t range_start;       /* the first byte that is wanted; */
        uint64_t range_end;         /* and where it ends; 0: the end. Both 0: no Range header */
        bool is_large;              /* gets a connection of its own */
        bool is_foreign;            /* the image names the URL, whose path may be signed */
        const char *form;           /* POST it (application/x-www-form-urlencoded); NULL: GET */
        size_t body_max;            /* more bytes in a good response are ERROR_LIMIT_EXCEEDED */

        /* Gets the body of a 200 or 206 instead of @body; @response has the headers. Returns 0, or a
         * negative errno with @error set, which ends the request. NULL: the body is collected. */
        int (*on_body)(
                void *userdata,
                const RegistryResponse *response,
                const void *data,
                size_t size,
                Error *error);
        void *userdata;
} RegistryRequest;

/* Whom requests go to, and how; everything is borrowed, and must outlive the RegistryHttp. */
typedef struct RegistryHttpSettings {
        const RegistryTls *tls;
        bool insecure;        /* plain HTTP and unverified certificates are allowed */
        const char *home_url; /* with the registry's host: all others are foreign */
        const char *
                private_hosts; /* foreign hosts that may have private addresses: registry-guard.h */
        RegistryGuardHome *home;    /* shared by all that share @loop */
        RegistryLoop *loop;         /* has the connections, and makes the requests */
        const RegistryTrace *trace; /* hears of each request; or NULL */
        bool is_mirror;             /* as that is to know */
} RegistryHttpSettings;

/** registry_http_new() - something to make requests with, one at a time */
int registry_http_new(const RegistryHttpSettings *settings, RegistryHttp **ret, Error *error);

/** registry_http_free() - release @http (may be NULL); its connections stay */
RegistryHttp *registry_http_free(RegistryHttp *http);

/**
 * registry_http_get() - make a request, with which something is to be got
 * @response:   zeroed; filled in either case, to be released by the caller
 *
 * Return: 0 when there is a response, of whatever status; otherwise a negative errno with @error and
 * @response->failure set: ERROR_REGISTRY_UNAVAILABLE, ERROR_TLS_ERROR, ERROR_REGISTRY_ERROR,
 * ERROR_LIMIT_EXCEEDED, or what @on_body said.
 */
int registry_http_get(
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error);

DEFINE_CLEANUP(RegistryHttp, registry_http_free);
