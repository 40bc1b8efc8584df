/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "oci-document.h"
#include "oci-value.h"

/* Every value but the outermost follows one of these characters outside a string. */
static size_t count_values(const char *data, size_t size) {
        bool in_string = false;
        size_t count = 1;

        for (size_t i = 0; i < size; i++) {
                if (data[i] == '"')
                        in_string = !in_string;
                else if (in_string)
                        i += data[i] == '\\';
                else
                        count += data[i] == '[' || data[i] == '{' || data[i] == ',';
        }

        return count;
}

static int load(const void *data, size_t size, const char *what, json_t **ret, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        json_error_t problem;
        json_t *value;

        if (size > OCI_DOCUMENT_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED, "The %s has %zu bytes, more than %zu",
                        what, size, OCI_DOCUMENT_MAX);
        if (count_values(data, size) > JSON_VALUES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED, "The %s has more than %zu values", what,
                        JSON_VALUES_MAX);

        value = json_loadb(data, size, JSON_REJECT_DUPLICATES, &problem);
        /* jansson says nothing about what it could not allocate. */
        if (!value && problem.text[0] == '\0')
                return error_oom(error);
        if (!value)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE, "The %s is not valid JSON: %s",
                        what, text_quote(problem.text, quoted));

        *ret = value;
        return 0;
}

int oci_value_load(const void *data, size_t size, const char *what, json_t **ret, Error *error) {
        json_auto_t *value = NULL;
        int r;

        r = load(data, size, what, &value, error);
        if (r < 0)
                return r;
        if (!json_is_object(value))
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE, "The %s is not a JSON object",
                        what);

        *ret = TAKE_PTR(value);
        return 0;
}

int oci_value_load_array(
        const void *data, size_t size, const char *what, json_t **ret, Error *error) {
        json_auto_t *value = NULL;
        int r;

        r = load(data, size, what, &value, error);
        if (r < 0)
                return r;
        if (!json_is_array(value))
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE, "The %s is not a JSON array",
                        what);

        *ret = TAKE_PTR(value);
        return 0;
}

/* The next character of @text as encoding/json compares it. */
static char next_folded(const char **text) {
        static const char long_s[] = "\xc5\xbf", kelvin[] = "\xe2\x84\xaa";
        char c;

        if (strncmp(*text, long_s, strlen(long_s)) == 0) {
                *text += strlen(long_s);
                return 's';
        }
        if (strncmp(*text, kelvin, strlen(kelvin)) == 0) {
                *text += strlen(kelvin);
                return 'k';
        }

        c = *(*text)++;
        return (char) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool oci_value_key_equal(const char *a, const char *b) {
        for (;;) {
                char left = next_folded(&a), right = next_folded(&b);

                if (left != right)
                        return false;
                if (left == '\0')
                        return true;
        }
}

int oci_value_check_keys(
        const json_t *object, const char *const *names, const char *what, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) object, key, value) {
                for (size_t i = 0; names[i]; i++) {
                        if (!oci_value_key_equal(key, names[i]) || strcmp(key, names[i]) == 0)
                                continue;

                        return error_set(
                                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                                "The %s is ambiguous: it has '%s' for '%s'", what,
                                text_quote(key, quoted), names[i]);
                }
        }

        return 0;
}

json_t *oci_value_get(const json_t *object, const char *key) {
        json_t *value = json_object_get(object, key);

        return json_is_null(value) ? NULL : value;
}

static int get_typed(
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
        json_t *value = oci_value_get(object, key);

        if (value && json_typeof(value) != type)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE, "'%s' in the %s is not %s", key,
                        what, names[type]);

        *ret = value;
        return 0;
}

int oci_value_get_object(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error) {
        return get_typed(object, key, JSON_OBJECT, what, ret, error);
}

int oci_value_get_array(
        const json_t *object, const char *key, const char *what, json_t **ret, Error *error) {
        return get_typed(object, key, JSON_ARRAY, what, ret, error);
}

int oci_value_get_string(
        const json_t *object, const char *key, const char *what, const char **ret, Error *error) {
        json_t *value = NULL;
        int r;

        r = get_typed(object, key, JSON_STRING, what, &value, error);
        if (r < 0)
                return r;

        *ret = json_string_value(value);
        return 0;
}

int oci_value_to_digest(const json_t *value, const char *what, Digest *ret, Error *error) {
        const char *text = json_string_value(value);
        char quoted[TEXT_QUOTE_MAX];
        int r;

        if (!text)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "A digest in the %s is missing or not a string", what);

        r = digest_parse(text, ret);
        if (r < 0)
                return error_set(
                        error, -r, ERROR_UNSUPPORTED_IMAGE,
                        r == -EPROTONOSUPPORT
                                ? "The digest '%s' in the %s is neither sha256 nor sha512"
                                : "The digest '%s' in the %s is malformed",
                        text_quote(text, quoted), what);

        return 0;
}

int oci_value_get_digest(
        const json_t *object, const char *key, const char *what, Digest *ret, Error *error) {
        return oci_value_to_digest(oci_value_get(object, key), what, ret, error);
}

static int get_part(
        const json_t *object,
        const char *key,
        const char *what,
        char ret[static PLATFORM_PART_MAX + 1],
        Error *error) {
        const char *text;
        int r;

        r = oci_value_get_string(object, key, what, &text, error);
        if (r < 0)
                return r;
        if (!text)
                return 0;

        if (strlen(text) > PLATFORM_PART_MAX)
                return error_set(
                        error, EINVAL, ERROR_UNSUPPORTED_IMAGE,
                        "'%s' in the %s has more than %zu characters", key, what,
                        PLATFORM_PART_MAX);

        stpcpy(ret, text);
        return 0;
}

int oci_value_get_platform(
        const json_t *object, const char *what, ReferencePlatform *ret, Error *error) {
        static const char *const names[] = { "os", "architecture", "variant", NULL };
        ReferencePlatform platform = { 0 };
        int r;

        r = oci_value_check_keys(object, names, what, error);
        if (r < 0)
                return r;

        r = get_part(object, "os", what, platform.os, error);
        if (r < 0)
                return r;
        r = get_part(object, "architecture", what, platform.architecture, error);
        if (r < 0)
                return r;
        r = get_part(object, "variant", what, platform.variant, error);
        if (r < 0)
                return r;

        r = reference_platform_normalize(&platform);
        if (r < 0)
                return error_set(
                        error, -r, ERROR_UNSUPPORTED_IMAGE,
                        "The platform in the %s contains invalid characters", what);

        *ret = platform;
        return 0;
}
