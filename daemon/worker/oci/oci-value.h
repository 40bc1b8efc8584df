/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * JSON values from outside the process, for the parsers of this folder and of trust/.
 *
 * Other programs read the same documents with Go's encoding/json, which takes keys in any case and
 * the last one of several. So what it could read in another way than this code is refused. @what
 * names the document in messages: "image manifest".
 *
 * Functions with an @error return 0, or a negative errno with @error set: ERROR_UNSUPPORTED_IMAGE
 * if nothing else is said.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base-digest.h"
#include "base-error.h"
#include "reference-platform.h"

#define JSON_VALUES_MAX ((size_t) 200000) /* so that 4 MiB of text do not become 1 GiB of memory */

/**
 * oci_value_load() - read a JSON text whose value is an object, no key twice in one object
 * @ret:        to be released with json_decref() or json_auto_t; untouched on failure
 *
 * ERROR_LIMIT_EXCEEDED for more than OCI_DOCUMENT_MAX bytes or JSON_VALUES_MAX values.
 */
int oci_value_load(const void *data, size_t size, const char *what, json_t **ret, Error *error);

/** oci_value_load_array() - oci_value_load() for a text whose value is an array */
int oci_value_load_array(
        const void *data, size_t size, const char *what, json_t **ret, Error *error);

/** oci_value_key_equal() - whether encoding/json takes @a for @b: case, 'ſ' and 'K' (Kelvin) folded */
bool oci_value_key_equal(const char *a, const char *b);

/**
 * oci_value_check_keys() - refuse keys of @object that are one of @names in another case
 * @names:      ends with NULL
 */
int oci_value_check_keys(
        const json_t *object, const char *const *names, const char *what, Error *error);

/** oci_value_get() - the member @key of @object; borrowed; NULL when there is none or it is null */
json_t *oci_value_get(const json_t *object, const char *key);

/* Members of a type: *@ret is borrowed, and NULL when there is none. */
int oci_value_get_object(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error);
int oci_value_get_array(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error);
int oci_value_get_string(
        const json_t *object, const char *key, const char *what, const char **ret, Error *error);

/** oci_value_get_digest() - the member @key, which has to be there and be a digest */
int oci_value_get_digest(
        const json_t *object, const char *key, const char *what, Digest *ret, Error *error);

/** oci_value_to_digest() - @value, which has to be a string with a digest */
int oci_value_to_digest(const json_t *value, const char *what, Digest *ret, Error *error);

/**
 * oci_value_get_platform() - the members "os", "architecture" and "variant", normalised
 *
 * A missing one is empty. -EINVAL for what reference_platform_normalize() refuses or what is too long.
 */
int oci_value_get_platform(
        const json_t *object, const char *what, ReferencePlatform *ret, Error *error);
