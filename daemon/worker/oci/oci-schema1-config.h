/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a schema 1 manifest says about its image, in the form of a configuration; for oci-report.c only.
 *
 * Each reads the part of the document that oci_schema1_payload() gives. Return: 0, or a negative errno with
 * @error set: ERROR_UNSUPPORTED_IMAGE.
 */

#include <jansson.h>
#include <stddef.h>

#include "base-error.h"

/**
 * oci_schema1_config() - the newest layer's configuration, with the history of all
 * @ret:        to be released with json_decref()
 *
 * The diff ids of the layers are not known: they are empty strings, as skopeo has them.
 */
int oci_schema1_config(const void *data, size_t size, json_t **ret, Error *error);

/** oci_schema1_layers() - the digests of all layers, root layer first; to be released with json_decref() */
int oci_schema1_layers(const void *data, size_t size, json_t **ret, Error *error);

/** oci_schema1_tag() - the document's tag, owned by the caller; NULL if it has none */
int oci_schema1_tag(const void *data, size_t size, char **ret, Error *error);
