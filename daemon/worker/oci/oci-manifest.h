/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The manifest of one image: OCI (image specification, manifest.md), Docker schema 2 and schema 1.
 * Whatever it was, the layers come root layer first. oci-manifest-parse.c tells which it is, and reads
 * the first two; oci-schema1.c the third.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "oci-descriptor.h"
#include "reference-platform.h"

#define LAYERS_MAX ((size_t) 1000)

typedef struct OciManifest {
        OciMediaType media_type;    /* what it was read as */
        bool has_config;            /* false for schema 1 */
        OciDescriptor config;       /* owned; only when @has_config */
        OciDescriptor *layers;      /* owned; root layer first */
        size_t n_layers;            /* 1 … LAYERS_MAX */
        bool has_platform;          /* only schema 1 says it here, the others in the config */
        ReferencePlatform platform; /* normalised; only when @has_platform */
} OciManifest;

/**
 * oci_manifest_parse() - read a manifest
 * @media_type:     what oci_document_classify() found, not an index
 * @ret:            to be released with oci_manifest_done(); untouched on failure
 *
 * Of a signed schema 1 manifest only what oci_schema1_payload() gives is read. Its layers have no
 * sizes, and those that its history calls throwaway are left out.
 *
 * Return: 0, or a negative errno with @error set: ERROR_NO_LAYERS; ERROR_LIMIT_EXCEEDED;
 * ERROR_UNSUPPORTED_IMAGE when a layer is of a type that is not known or encrypted, or the document
 * is not what the specification asks for.
 */
int oci_manifest_parse(
        const void *data, size_t size, OciMediaType media_type, OciManifest *ret, Error *error);

/** oci_manifest_done() - release what @manifest owns; usable with _cleanup_() */
void oci_manifest_done(OciManifest *manifest);
