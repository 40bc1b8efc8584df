/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What came back for a request, and what a status that is no success means to a user. */

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "registry-challenge.h"
#include "registry-link.h"
#include "registry-range.h"
#include "registry-retry.h"
#include "registry-url.h"

#define REGISTRY_HEADER_TEXT_MAX ((size_t) 256)         /* of a header that is handed on */
#define REGISTRY_ERROR_BODY_MAX  ((size_t) 1024 * 1024) /* the rest of it is not looked at */

/* A header that was not there, or is too long, is empty. */
typedef struct RegistryResponse {
        RegistryFailure failure; /* why there is no response; the rest says nothing then */
        long status;
        uint64_t content_length; /* bytes; REGISTRY_SIZE_UNKNOWN when not said */
        char content_type[REGISTRY_HEADER_TEXT_MAX];
        char content_range[REGISTRY_HEADER_TEXT_MAX];
        char etag[REGISTRY_HEADER_TEXT_MAX];
        char digest[REGISTRY_HEADER_TEXT_MAX]; /* of Docker-Content-Digest */
        char next[REGISTRY_LINK_MAX];          /* the target of a Link header to the next page */
        bool has_bad_link;             /* one that cannot be read, or whose target is too long */
        int64_t retry_after;           /* seconds that it asks to wait; 0 when it does not */
        char host[REGISTRY_HOST_MAX];  /* who answered, after redirects */
        RegistryChallenges challenges; /* of a 401 or 403; those that could be read */
        char *body;                    /* owned; NUL-terminated behind @size; NULL when empty */
        size_t size;
        size_t room; /* allocated for @body */
} RegistryResponse;

/** registry_response_done() - release what @response owns and zero it; usable with _cleanup_() */
void registry_response_done(RegistryResponse *response);

/** registry_response_read_headers() - take over status and headers of @easy's latest response */
void registry_response_read_headers(RegistryResponse *response, CURL *easy);

/**
 * registry_response_append() - collect a piece of the body
 * @max:        most bytes of the whole body
 *
 * Return: 0; -EFBIG above @max, -ENOMEM; with @error set.
 */
int registry_response_append(
        RegistryResponse *response, const void *data, size_t size, size_t max, Error *error);

/**
 * registry_response_error() - turn a response that is no success into an error
 * @registry:           for which one would log in, for the sentence; NULL if that would not help
 * @has_credentials:    whether there were a user name and a password to log in with
 *
 * 401 is ERROR_ACCESS_DENIED when there were credentials, which were refused then, and
 * ERROR_AUTHENTICATION_REQUIRED when there were none, or nothing that they could be used for; 403 is
 * ERROR_ACCESS_DENIED, 404 ERROR_NOT_FOUND, 429 ERROR_TOO_MANY_REQUESTS and all else
 * ERROR_REGISTRY_ERROR. The sentence says how long it asks to wait, and ends with its own code and message.
 *
 * Return: a negative errno, always.
 */
int registry_response_error(
        const RegistryResponse *response, const char *registry, bool has_credentials, Error *error);
