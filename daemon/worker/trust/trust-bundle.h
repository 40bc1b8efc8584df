/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A signature as cosign 3 writes it: a Sigstore bundle (sigstore_bundle.proto, version 0.3, as JSON) with a DSSE
 * envelope, whose payload is an in-toto statement.
 *
 *     trust_bundle_parse() ─▶ is @signature one of @message? ─▶ trust_bundle_find_image()
 *
 * Of the rest of a bundle, certificates and entries in logs, nothing is needed: the keys are known.
 */

#include <stddef.h>
#include <stdint.h>

#include "trust-payload.h"

#define TRUST_SUBJECTS_MAX ((size_t) 64) /* of a statement */

typedef struct TrustBundle {
        uint8_t *signature; /* owned, as all */
        size_t signature_size;
        uint8_t *payload; /* the statement */
        size_t payload_size;
        char *message; /* what is signed: the payload, its type and the lengths of both */
        size_t message_size;
} TrustBundle;

/**
 * trust_bundle_parse() - read a bundle
 * @ret:        release with trust_bundle_done(); untouched on failure
 *
 * ERROR_NOT_TRUSTED if it is not a bundle of that version with one signature of an in-toto statement.
 */
int trust_bundle_parse(const void *data, size_t size, TrustBundle *ret, Error *error);

/** trust_bundle_done() - release what @bundle owns; usable with _cleanup_() */
void trust_bundle_done(TrustBundle *bundle);

/**
 * trust_bundle_find_image() - what the statement says about an image
 * @image:      the digest of one of its subjects
 *
 * ERROR_NOT_TRUSTED if it is about something else, or not a signature but another attestation.
 */
int trust_bundle_find_image(
        const TrustBundle *bundle, const Digest *image, TrustClaim *ret, Error *error);
