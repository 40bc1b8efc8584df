/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A content descriptor (OCI image specification, descriptor.md). */

#include <stdint.h>

#include "base-digest.h"
#include "base-error.h"
#include "oci-media-type.h"

struct json_t;

#define DESCRIPTOR_SIZE_UNKNOWN UINT64_MAX          /* schema 1 gives no sizes */
#define DESCRIPTOR_SIZE_MAX     (UINT64_C(1) << 50) /* bytes; LAYERS_MAX of them do not overflow */
#define DESCRIPTOR_URL_MAX      ((size_t) 2047)

typedef struct OciDescriptor {
        Digest digest;
        uint64_t size; /* bytes; <= DESCRIPTOR_SIZE_MAX, or DESCRIPTOR_SIZE_UNKNOWN */
        OciMediaType media_type;
        char media_type_text
                [MEDIA_TYPE_TEXT_MAX + 1]; /* as the document has it, printable ASCII; may
                                                        * be cut. For messages. */
        char *url; /* owned; the first http or https one of "urls" of a foreign layer, else NULL.
                    * Never send credentials there. */
} OciDescriptor;

/** oci_descriptor_done() - release what @descriptor owns; usable with _cleanup_() */
void oci_descriptor_done(OciDescriptor *descriptor);

/**
 * oci_descriptor_parse() - read one, for the parsers of this folder
 * @value:      a jansson value
 * @what:       names the document in messages
 * @ret:        to be released with oci_descriptor_done(); untouched on failure
 *
 * Return: 0, or a negative errno with @error set to ERROR_UNSUPPORTED_IMAGE or, for a size over
 * DESCRIPTOR_SIZE_MAX, ERROR_LIMIT_EXCEEDED.
 */
int oci_descriptor_parse(
        const struct json_t *value, const char *what, OciDescriptor *ret, Error *error);
