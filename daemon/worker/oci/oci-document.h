/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What kind of document a registry sent. */

#include <stddef.h>

#include "base-error.h"
#include "oci-media-type.h"

#define OCI_DOCUMENT_MAX ((size_t) 4 << 20) /* bytes of a manifest, index or config */

/**
 * oci_document_classify() - find out what a manifest or index is
 * @data:           the raw bytes
 * @content_type:   Content-Type header or the descriptor's media type; NULL when there is none
 * @ret:            one of MEDIA_CLASS_MANIFEST, _SCHEMA1 or _INDEX; untouched on failure
 *
 * When @content_type is missing or generic, "mediaType" decides, then schemaVersion 1, then the
 * config's media type, then "manifests" that are not empty make an index; all else is an OCI
 * manifest. A document that is ambiguous is refused: "layers" or "config" beside
 * "manifests" or "fsLayers", keys that differ from the specified ones by case only, the same key
 * twice, @content_type, "mediaType" and the members being of different classes.
 *
 * Return: 0, or a negative errno with @error set: ERROR_LIMIT_EXCEEDED for more than
 * OCI_DOCUMENT_MAX bytes, ERROR_UNSUPPORTED_IMAGE otherwise.
 */
int oci_document_classify(
        const void *data, size_t size, const char *content_type, OciMediaType *ret, Error *error);
