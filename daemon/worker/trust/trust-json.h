/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON in which every key counts: what this code does not know may be a condition, so it is refused. */

#include <jansson.h>

#include "base-error.h"

/**
 * trust_json_load() - oci_value_load(), with ERROR_NOT_TRUSTED for what is not a JSON object
 * @ret:        to be released with json_decref() or json_auto_t; untouched on failure
 */
int trust_json_load(const void *data, size_t size, const char *what, json_t **ret, Error *error);

/**
 * trust_json_check_keys() - refuse keys of @object that are not in @names
 * @names:      ends with NULL
 */
int trust_json_check_keys(
        const json_t *object, const char *const *names, const char *what, Error *error);

/** trust_json_get_object() - the member @key, which must be an object; borrowed */
int trust_json_get_object(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error);

/** trust_json_get_array() - the member @key, which must be an array; borrowed */
int trust_json_get_array(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error);

/** trust_json_get_string() - the member @key, which must be a string; borrowed */
int trust_json_get_string(
        const json_t *object, const char *key, const char *what, const char **ret, Error *error);
