/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether one signature satisfies a rule. Nothing of it is read before one of the keys has signed it, except what is
 * needed to find out.
 */

#include "trust-identity.h"
#include "trust-key.h"
#include "trust-payload.h"

typedef enum TrustForm {
        TRUST_FORM_ATTACHED, /* simple signing, under the tag sha256-….sig */
        TRUST_FORM_BUNDLE,   /* a Sigstore bundle that refers to the image */
        _TRUST_FORM_MAX,
} TrustForm;

/* A signature as a registry gave it; everything is borrowed. */
typedef struct TrustSignature {
        TrustForm form;
        const char *signature; /* base64, of TRUST_FORM_ATTACHED; a bundle contains its own */
        const void *data;      /* the payload, or the bundle */
        size_t size;
} TrustSignature;

/* What a rule demands of it; borrowed. */
typedef struct TrustDemand {
        TrustKey *const *keys; /* one of them has signed … */
        size_t n_keys;
        const TrustIdentity *identity; /* … for a name that this accepts … */
        const Reference *image;        /* … for the image that is wanted … */
        Digest digest;                 /* … with this digest */
} TrustDemand;

/* Why it was accepted. */
typedef struct TrustAcceptance {
        const TrustKey *key; /* borrowed from the demand */
        TrustClaim claim;
} TrustAcceptance;

/**
 * trust_check() - examine a signature
 *
 * Return: 0; a negative errno with the reason, ERROR_NOT_TRUSTED, which continues "the signature …: ".
 */
int trust_check(
        const TrustDemand *demand,
        const TrustSignature *signature,
        TrustAcceptance *ret,
        Error *error);

/** trust_form_to_string() - "attached signature" or "Sigstore bundle" */
const char *trust_form_to_string(TrustForm form);
