/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is asked for and what comes back, one line a request, for whoever looks for the reason of a failure:
 *
 *     GET https://r.example/v2/debian/blobs/sha256:… (Bearer): 307 to cdn.example, 12 ms
 *     GET https://cdn.example/… (no login): 200, 3410 ms
 *
 * Without secrets: of a URL, neither user nor query; where a redirect leads, be it to the same host, and of a URL from the
 * image, not even the path, which may be signed; of a login, the scheme.
 */

#include <stdbool.h>
#include <stdint.h>

#include "registry-challenge.h"
#include "registry-response.h"

#define REGISTRY_TRACE_MAX ((size_t) 1024) /* bytes of a line; what is longer is cut */

typedef struct RegistryTrace {
        /* Called by several threads at a time; @text is borrowed, and may contain anything that a URL may. NULL: nobody
         * wants to know. */
        void (*on_line)(void *userdata, const char *text);
        void *userdata; /* borrowed */
} RegistryTrace;

/* One request, without what it was redirected to; everything is borrowed. */
typedef struct RegistryTraceRequest {
        const char *url;
        const char *next; /* where the answer redirects to, or NULL */
        bool is_form;     /* POST, not GET */
        bool is_foreign;  /* a redirect or the image has led here */
        bool is_mirror;   /* of the registry */
        bool has_login;
        RegistryScheme scheme; /* of the login */
        uint64_t usec;         /* that it took, the body included */
} RegistryTraceRequest;

/** registry_trace_request() - report a request that was made, and its response or failure; nothing if @trace is NULL */
void registry_trace_request(
        const RegistryTrace *trace,
        const RegistryTraceRequest *request,
        const RegistryResponse *response);
