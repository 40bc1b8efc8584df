/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What skopeo-inspect(1) prints of an image, from documents whose digests have been checked: the same keys and values in the
 * same order, as one line of JSON.
 *
 * skopeo reads documents with Go's encoding/json: a null is an empty value, a missing list is null, and the keys of maps are
 * sorted. What it refuses is refused here, too.
 */

#include <stddef.h>

#include "oci-manifest.h"

/* Everything is borrowed. */
typedef struct OciReportInput {
        const Digest *digest;       /* of the document that the image's name stands for */
        OciMediaType manifest_type; /* of the platform's manifest */
        const char *manifest;       /* its bytes */
        size_t manifest_size;
        const char *config; /* of the configuration; NULL if there is none (schema 1) */
        size_t config_size;
} OciReportInput;

/**
 * oci_report_image() - the output of "skopeo inspect", without "Name" and with an empty "RepoTags"
 * @ret:        owned by the caller, with a NUL behind it; untouched on failure
 *
 * Return: 0, or a negative errno with @error set: ERROR_UNSUPPORTED_IMAGE, ERROR_LIMIT_EXCEEDED.
 */
int oci_report_image(const OciReportInput *input, char **ret, Error *error);

/** oci_report_config() - the output of "skopeo inspect --config"; otherwise as oci_report_image() */
int oci_report_config(const OciReportInput *input, char **ret, Error *error);
