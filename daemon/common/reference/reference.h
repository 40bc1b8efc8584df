/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Image references, as containers/image and distribution/reference parse them:
 *
 *     docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]
 *
 * The first component is a host only if it is "localhost" or has a '.', a ':' or an upper-case
 * letter; otherwise the host is docker.io, where a single name gets "library/" in front. Hosts are in lower
 * case, whatever was written; index.docker.io and registry-1.docker.io are docker.io.
 */

#include <stdbool.h>

#include "base-digest.h"
#include "base-error.h"

#define REFERENCE_MAX            ((size_t) 511) /* bytes of a whole reference */
#define REFERENCE_REPOSITORY_MAX ((size_t) 255)
#define REFERENCE_TAG_MAX        ((size_t) 128)

typedef struct Reference {
        char host[REFERENCE_REPOSITORY_MAX + 1];       /* "docker.io", "[::1]:5000", … */
        char repository[REFERENCE_REPOSITORY_MAX + 1]; /* "library/debian" */
        char tag[REFERENCE_TAG_MAX + 1]; /* "latest" when neither tag nor digest was given; empty
                                          * when only a digest was */
        bool has_digest;
        Digest digest; /* takes precedence over the tag if @has_digest */
        /* What was written in place of host and repository, if that was without a host, for which docker.io was
         * assumed: "debian"; else empty. */
        char short_name[REFERENCE_REPOSITORY_MAX + 1];
} Reference;

/**
 * reference_source_name() - the reference in a source "docker:NAME", with up to three slashes in front of it
 *
 * Return: a part of @source; NULL for a source that is not in a registry.
 */
const char *reference_source_name(const char *source);

/**
 * reference_parse() - read a reference
 * @text:       with or without "docker://" (also "docker:///NAME") and a trailing slash
 *
 * Return: 0, or -EINVAL (ERROR_INVALID_REFERENCE).
 */
int reference_parse(const char *text, Reference *ret, Error *error);

/**
 * reference_format() - the full form, such as "docker.io/library/debian:latest"
 *
 * "@DIGEST" follows the tag, if any, if the reference has a digest. All characters are printable ASCII that
 * needs no escapes in JSON. Returns @ret.
 */
char *reference_format(const Reference *reference, char ret[static REFERENCE_MAX + 1]);

/**
 * reference_fold_host() - replace the host by the one spelling that it has in comparisons
 * @text:       "HOST[:PORT]", and more behind a slash, which stays; becomes no longer
 *
 * In lower case, without the port of HTTPS, docker.io for the other hosts of Docker Hub. Not for connecting:
 * plain HTTP may have been meant at that port.
 */
void reference_fold_host(char *text);

/** reference_is_tag() - whether @text is one: at most REFERENCE_TAG_MAX letters, digits, '_', '.' and '-' */
bool reference_is_tag(const char *text);

/** reference_api_host() - the host of its API: "registry-1.docker.io" for docker.io, else @host */
const char *reference_api_host(const Reference *reference);
