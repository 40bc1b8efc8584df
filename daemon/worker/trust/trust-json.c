/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-text.h"
#include "oci-value.h"
#include "trust-json.h"

int trust_json_load(const void *data, size_t size, const char *what, json_t **ret, Error *error) {
        int r;

        r = oci_value_load(data, size, what, ret, error);
        if (r < 0 && r != -ENOMEM && error)
                error->kind = ERROR_NOT_TRUSTED;
        return r;
}

int trust_json_check_keys(
        const json_t *object, const char *const *names, const char *what, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        const char *key;
        json_t *value;
        size_t i;

        json_object_foreach((json_t *) object, key, value) {
                for (i = 0; names[i] && strcmp(names[i], key) != 0; i++)
                        ;
                if (!names[i])
                        return error_set(
                                error, EBADMSG, ERROR_NOT_TRUSTED,
                                "The %s has the unknown key '%s'", what, text_quote(key, quoted));
        }

        return 0;
}

static int get(
        const json_t *object,
        const char *key,
        json_type type,
        const char *what,
        json_t **ret,
        Error *error) {
        static const char *const names[] = {
                [JSON_OBJECT] = "an object",
                [JSON_ARRAY] = "an array",
                [JSON_STRING] = "a string",
        };
        json_t *value = json_object_get(object, key);

        if (!value || json_typeof(value) != type)
                return error_set(
                        error, EBADMSG, ERROR_NOT_TRUSTED, "'%s' in the %s is %s%s", key, what,
                        value ? "not " : "missing", value ? names[type] : "");

        *ret = value;
        return 0;
}

int trust_json_get_object(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error) {
        return get(object, key, JSON_OBJECT, what, ret, error);
}

int trust_json_get_array(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error) {
        return get(object, key, JSON_ARRAY, what, ret, error);
}

int trust_json_get_string(
        const json_t *object, const char *key, const char *what, const char **ret, Error *error) {
        json_t *value = NULL;
        int r;

        r = get(object, key, JSON_STRING, what, &value, error);
        if (r < 0)
                return r;

        *ret = json_string_value(value);
        return 0;
}
