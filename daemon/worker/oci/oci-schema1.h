/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Docker's image manifest version 2, schema 1: layers newest first, without sizes, signed or not,
 * the configuration as a JSON text in each layer's history.
 */

#include <stddef.h>

#include "base-error.h"
#include "oci-manifest.h"

/**
 * oci_schema1_payload() - the bytes that a schema 1 manifest's digest covers
 * @ret:        owned by the caller, not NUL-terminated; untouched on failure
 *
 * The document without its signatures (JSON Web Signatures with libtrust's "formatLength" and
 * "formatTail"), or all of it when it has none. The signatures are not verified: the digest is
 * what a caller trusts.
 *
 * Return: 0, or a negative errno with @error set as by oci_manifest_parse().
 */
int oci_schema1_payload(const void *data, size_t size, char **ret, size_t *ret_size, Error *error);

/** oci_schema1_parse() - oci_manifest_parse() for this one type, which callers use instead */
int oci_schema1_parse(
        const void *data, size_t size, OciMediaType media_type, OciManifest *ret, Error *error);
