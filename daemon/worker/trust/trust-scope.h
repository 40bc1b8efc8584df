/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The scopes of containers-policy.json(5) that an image is in, from the most specific on:
 *
 *     docker    host/team/name:tag or host/team/name@digest, host/team/name, host/team, host,
 *               *.domain for each domain that the host is in, and ""
 *     oci, oci-archive, docker-archive, dir
 *               /path/of/the/image, /path/of, /path, and ""
 *     others    ""
 *
 * "" is the transport's default. As in containers/image, a wildcard has no port. Hosts are as after
 * reference_fold_host(): no spelling of a name leads past its scopes.
 */

#include <stdbool.h>
#include <stddef.h>

#include "reference.h"

#define TRUST_SCOPE_MAX ((size_t) 1024) /* bytes, with the NUL */

/* What a policy decides about; everything is borrowed. */
typedef struct TrustImage {
        const char *transport;      /* "docker", "oci", … */
        const Reference *reference; /* of "docker"; NULL for others */
        const char *path;           /* of files: absolute, without links; NULL if unknown */
} TrustImage;

typedef struct TrustScope {
        char text[TRUST_SCOPE_MAX];
        bool is_repository; /* it has no tag or digest to remove */
        bool is_wildcard;
} TrustScope;

/** trust_scope_first() - the most specific one */
void trust_scope_first(const TrustImage *image, TrustScope *ret);

/**
 * trust_scope_is_possible() - whether an image of the transport can be in a scope, as far as is known
 *
 * In those of files, a scope must be "" or an absolute path, not "/", without empty components, "." or "..". In oci,
 * what follows a colon would be a tag, which as in containers/image is no part of what an image is identified by.
 */
bool trust_scope_is_possible(const char *transport, const char *text);

/** trust_scope_is_spelled() - whether @text is a spelling of a scope of docker: of its host, in fact */
bool trust_scope_is_spelled(const TrustScope *scope, const char *text);

/** trust_scope_next() - continue with the next one; returns false after "" */
bool trust_scope_next(TrustScope *scope);
