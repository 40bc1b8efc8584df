/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a signature is about, in its older form: "simple signing" (containers-signature(5)) as cosign writes it.
 *
 *     { "critical": { "type": "cosign container image signature",
 *                     "image": { "docker-manifest-digest": DIGEST },
 *                     "identity": { "docker-reference": NAME } },
 *       "optional": … }
 */

#include "base-digest.h"
#include "base-error.h"
#include "reference.h"

/* The statement of a signature, once the signature was verified. */
typedef struct TrustClaim {
        Digest digest;                    /* of the image */
        char identity[REFERENCE_MAX + 1]; /* its name; empty if it states none */
} TrustClaim;

/** trust_payload_parse() - read a payload; ERROR_NOT_TRUSTED if it has another type, or more or less than above */
int trust_payload_parse(const void *data, size_t size, TrustClaim *ret, Error *error);
