/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The identity that a signature states, and which one a rule accepts: "signedIdentity" of containers-policy.json(5).
 *
 *     matchRepoDigestOrExact   the image's own reference; for one with a digest, its repository (the default)
 *     matchExact               the image's own reference
 *     matchRepository          the image's repository, any tag
 *     exactReference           the reference in the rule
 *     exactRepository          the repository in the rule, any tag
 *     remapIdentity            matchRepoDigestOrExact, with a prefix of the image's reference replaced
 *
 * A bundle as cosign 3 writes it states none. The first and the third rule, which want nothing but the image's own
 * name, accept it, since its digest binds it to the image; the others reject it.
 */

#include <jansson.h>

#include "base-error.h"
#include "reference.h"

typedef enum TrustIdentityKind {
        TRUST_MATCH_REPO_DIGEST_OR_EXACT,
        TRUST_MATCH_EXACT,
        TRUST_MATCH_REPOSITORY,
        TRUST_EXACT_REFERENCE,
        TRUST_EXACT_REPOSITORY,
        TRUST_REMAP_IDENTITY,
        _TRUST_IDENTITY_MAX,
} TrustIdentityKind;

typedef struct TrustIdentity {
        TrustIdentityKind kind;
        char wanted[REFERENCE_MAX + 1]; /* of exactReference and exactRepository, as written */
        char prefix[REFERENCE_MAX + 1]; /* of remapIdentity … */
        char signed_prefix[REFERENCE_MAX + 1]; /* … and what replaces it */
} TrustIdentity;

/** trust_identity_parse() - read a rule's "signedIdentity"; ERROR_NOT_TRUSTED if it is not one of those above */
int trust_identity_parse(const json_t *value, TrustIdentity *ret, Error *error);

/**
 * trust_identity_check() - whether @identity accepts a signature
 * @image:      what is wanted
 * @stated:     the identity in the signature; empty if it states none
 *
 * Return: 0, or -EACCES (ERROR_NOT_TRUSTED) with the reason.
 */
int trust_identity_check(
        const TrustIdentity *identity, const Reference *image, const char *stated, Error *error);
