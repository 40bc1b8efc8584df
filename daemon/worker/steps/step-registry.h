/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image in a registry, and in its mirrors, as a source. */

#include "oci-tags.h"
#include "registry-client.h"
#include "source.h"

/* A place of the image. */
typedef struct StepEndpoint {
        Reference reference;     /* of the image there */
        RegistryOptions options; /* its strings are borrowed */
        bool is_own;             /* its host is the one that the image's name says */
} StepEndpoint;

/* Where to ask for an image; borrowed. */
typedef struct StepEndpoints {
        StepEndpoint *all; /* the mirrors in the order in which they are asked, then the registry */
        size_t n;          /* at least 1 */
        const Digest *digest; /* the one that the image must have; NULL if it may be any */
        int socket_fd;        /* to the daemon, which is warned of mirrors that fail */
} StepEndpoints;

/**
 * step_registry_source_new() - a source for the image that a reference names
 * @endpoints:  copied, except for the socket
 * @ret:        owned by the caller
 *
 * Does not connect yet.
 *
 * For a list of signatures, a mirror whose list is empty is one that does not have it, unless the next ones cannot be
 * asked.
 *
 * An insecure mirror on the host of the image's name, or of the registry, gets no credentials: neither those in its
 * options nor those of step_registry_log_in(). They are meant for that host, but anybody may answer for it.
 *
 * If an endpoint fails, the next one is asked: for a document as a whole, for a blob from where it broke. A
 * mirror that does not have it is asked for other things nevertheless; one that failed in another way is not,
 * and neither is one whose document does not have the digest by which it was requested.
 *
 * Calls of the source fail like those of the registry client, at the last endpoint.
 */
int step_registry_source_new(const StepEndpoints *endpoints, Source **ret, Error *error);

/**
 * step_registry_list_tags() - all tags of the repository in the registry: a mirror may lack some
 * @source:     of step_registry_source_new()
 * @tags:       the ones found are added
 *
 * Fails like the registry client and oci_tags_add_page(); ERROR_LIMIT_EXCEEDED for more than TAG_PAGES_MAX pages, ERROR_REGISTRY_ERROR
 * for more than TAG_PAGES_IDLE_MAX in a row that add nothing.
 */
#define TAG_PAGES_MAX      1000U
#define TAG_PAGES_IDLE_MAX 16U
int step_registry_list_tags(Source *source, OciTags *tags, Error *error);

/** step_registry_log_in() - let each endpoint that may have credentials use its entry; registry_client_log_in() */
int step_registry_log_in(Source *source, const Credentials *credentials, Error *error);
