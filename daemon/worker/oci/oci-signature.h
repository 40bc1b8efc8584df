/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a registry has the signatures of an image, in both of cosign's forms:
 *
 *     attached   the layers of the manifest with the tag sha256-HEX.sig are the signed payloads; an annotation of each
 *                is its signature (cosign: specs/SIGNATURE_SPEC.md)
 *     bundles    in the list of manifests that refer to the image (OCI distribution specification, "Listing
 *                Referrers"), those of the type of Sigstore bundles; the one layer of each is the bundle
 *                (cosign: specs/BUNDLE_SPEC.md)
 */

#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "base-error.h"

#define OCI_SIGNATURES_MAX ((size_t) 64) /* of one image, in each form */

typedef struct OciSignature {
        Digest digest; /* of the payload, of the bundle's manifest, or of the bundle */
        uint64_t size; /* bytes */
        char *text;    /* owned; the signature of an attached one; NULL if it has none */
} OciSignature;

typedef struct OciSignatures {
        OciSignature *all; /* owned */
        size_t n;          /* <= OCI_SIGNATURES_MAX */
} OciSignatures;

/* Functions fail with ERROR_UNSUPPORTED_IMAGE; with ERROR_LIMIT_EXCEEDED for more than OCI_SIGNATURES_MAX. */

/** oci_signatures_parse_attached() - the payloads that a manifest of attached signatures names */
int oci_signatures_parse_attached(const void *data, size_t size, OciSignatures *ret, Error *error);

/**
 * oci_signatures_parse_referrers() - the manifests of bundles among those that refer to an image
 *
 * A bundle that is annotated as another attestation is left out.
 */
int oci_signatures_parse_referrers(const void *data, size_t size, OciSignatures *ret, Error *error);

/** oci_signatures_parse_bundle() - the one bundle that a bundle's manifest names */
int oci_signatures_parse_bundle(const void *data, size_t size, OciSignature *ret, Error *error);

/** oci_signatures_done() - release what @signatures owns; usable with _cleanup_() */
void oci_signatures_done(OciSignatures *signatures);
