/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an OCI image layout wants of an image that was pushed in another form. */

#include <stddef.h>

#include "oci-index.h"
#include "oci-manifest.h"

/**
 * oci_layout_manifest() - an OCI manifest for an image with a Docker schema 2 manifest
 * @manifest:   with a config and the sizes of all layers
 * @ret:        the document, owned by the caller; the same bytes for the same image
 *
 * Tools look for OCI media types in a layout. Config and layers are the same blobs under the media types
 * that the image specification gives their formats.
 *
 * Return: 0, or -ENOMEM with @error set.
 */
int oci_layout_manifest(const OciManifest *manifest, char **ret, size_t *ret_size, Error *error);

/**
 * oci_layout_index() - an OCI index of some of another one's entries
 * @entries:    each with a platform
 * @ret:        the document, owned by the caller; the same bytes for the same entries
 *
 * Return: 0, or -ENOMEM with @error set.
 */
int oci_layout_index(
        const OciIndexEntry *const *entries, size_t n, char **ret, size_t *ret_size, Error *error);
