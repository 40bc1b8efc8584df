/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "oci-report-value.h"
#include "oci-time.h"
#include "oci-value.h"

static int wrong_type(const char *key, const char *what, const char *expected, Error *error) {
        return error_set(
                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE, "'%s' in the %s is not %s", key, what,
                expected);
}

/* Of a member of a list or a map: null is an empty string. */
static const char *text_of(const json_t *value) {
        return json_is_null(value) ? "" : json_string_value(value);
}

static int make_text(
        const char *key, const json_t *value, const char *what, json_t **ret, Error *error) {
        const char *text = value ? text_of(value) : "";

        if (!text)
                return wrong_type(key, what, "a string", error);

        *ret = json_string(text);
        return *ret ? 0 : error_oom(error);
}

static int make_time(
        const char *key, const json_t *value, const char *what, json_t **ret, Error *error) {
        char normalized[OCI_TIME_MAX];

        if (!value || json_is_null(value)) {
                *ret = json_null();
                return 0;
        }
        if (!json_is_string(value) || !oci_time_normalize(json_string_value(value), normalized))
                return wrong_type(key, what, "a time", error);

        *ret = json_string(normalized);
        return *ret ? 0 : error_oom(error);
}

static int make_bool(
        const char *key, const json_t *value, const char *what, json_t **ret, Error *error) {
        if (value && !json_is_null(value) && !json_is_boolean(value))
                return wrong_type(key, what, "true or false", error);

        *ret = json_boolean(json_is_true(value));
        return 0;
}

static int make_texts(
        const char *key, const json_t *value, const char *what, json_t **ret, Error *error) {
        json_auto_t *texts = NULL;
        json_t *element;
        size_t i;

        if (!value || json_is_null(value)) {
                *ret = json_null();
                return 0;
        }
        if (!json_is_array(value))
                return wrong_type(key, what, "an array", error);

        texts = json_array();
        json_array_foreach(value, i, element) {
                if (!text_of(element))
                        return wrong_type(key, what, "an array of strings", error);
                if (json_array_append_new(texts, json_string(text_of(element))) < 0)
                        return error_oom(error);
        }

        *ret = TAKE_PTR(texts);
        return *ret ? 0 : error_oom(error);
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* In the order of their bytes, with a NULL behind; owned by the caller, the elements by @object. NULL: no memory. */
static const char **sort_keys(const json_t *object) {
        const char **keys = calloc(json_object_size(object) + 1, sizeof(*keys));
        const char *key;
        json_t *value;
        size_t n = 0;

        if (!keys)
                return NULL;

        json_object_foreach((json_t *) object, key, value) keys[n++] = key;
        qsort(keys, n, sizeof(*keys), compare_keys);
        return keys;
}

static int make_map(
        const OciReportField *field,
        const json_t *value,
        const char *what,
        json_t **ret,
        Error *error) {
        _cleanup_(freep) const char **keys = NULL;
        json_auto_t *map = NULL;

        if (!value || json_is_null(value)) {
                *ret = json_null();
                return 0;
        }
        if (!json_is_object(value))
                return wrong_type(field->key, what, "an object", error);

        keys = sort_keys(value);
        if (!keys)
                return error_oom(error);

        map = json_object();
        for (size_t i = 0; keys[i]; i++) {
                const json_t *element = json_object_get(value, keys[i]);

                if (field->kind == REPORT_MAP && !text_of(element))
                        return wrong_type(field->key, what, "an object of strings", error);
                if (field->kind == REPORT_SET && !json_is_object(element) && !json_is_null(element))
                        return wrong_type(field->key, what, "an object of objects", error);
                if (json_object_set_new(
                            map, keys[i],
                            field->kind == REPORT_MAP ? json_string(text_of(element))
                                                      : json_object()) < 0)
                        return error_oom(error);
        }

        *ret = TAKE_PTR(map);
        return *ret ? 0 : error_oom(error);
}

static int make_object(
        const OciReportField *field,
        const json_t *value,
        const char *what,
        json_t **ret,
        Error *error) {
        if (value && !json_is_null(value) && !json_is_object(value))
                return wrong_type(field->key, what, "an object", error);

        return oci_report_object(value, field->fields, what, ret, error);
}

static int make_objects(
        const OciReportField *field,
        const json_t *value,
        const char *what,
        json_t **ret,
        Error *error) {
        json_auto_t *objects = NULL;
        json_t *element;
        size_t i;

        if (!value || json_is_null(value)) {
                *ret = json_null();
                return 0;
        }
        if (!json_is_array(value))
                return wrong_type(field->key, what, "an array", error);

        objects = json_array();
        json_array_foreach(value, i, element) {
                json_t *object = NULL;
                int r;

                r = make_object(field, element, what, &object, error);
                if (r < 0)
                        return r;
                if (json_array_append_new(objects, object) < 0)
                        return error_oom(error);
        }

        *ret = TAKE_PTR(objects);
        return *ret ? 0 : error_oom(error);
}

static int make_value(
        const OciReportField *field,
        const json_t *value,
        const char *what,
        json_t **ret,
        Error *error) {
        switch (field->kind) {
        case REPORT_TEXT:
                return make_text(field->key, value, what, ret, error);
        case REPORT_TIME:
                return make_time(field->key, value, what, ret, error);
        case REPORT_BOOL:
                return make_bool(field->key, value, what, ret, error);
        case REPORT_TEXTS:
                return make_texts(field->key, value, what, ret, error);
        case REPORT_SET:
        case REPORT_MAP:
                return make_map(field, value, what, ret, error);
        case REPORT_OBJECT:
                return make_object(field, value, what, ret, error);
        case REPORT_OBJECTS:
                return make_objects(field, value, what, ret, error);
        }

        assert(false);
        return -EINVAL;
}

/* As "omitempty" means it. */
static bool is_empty(const json_t *value) {
        return json_is_null(value) || json_is_false(value) ||
               (json_is_string(value) && json_string_length(value) == 0) ||
               (json_is_array(value) && json_array_size(value) == 0) ||
               (json_is_object(value) && json_object_size(value) == 0);
}

static int check_keys(
        const json_t *object, const OciReportField *fields, const char *what, Error *error) {
        const char *names[REPORT_FIELDS_MAX + 1] = { NULL };

        for (size_t i = 0; fields[i].key; i++) {
                assert(i < REPORT_FIELDS_MAX);
                names[i] = fields[i].key;
        }

        return oci_value_check_keys(object, names, what, error);
}

int oci_report_object(
        const json_t *object,
        const OciReportField *fields,
        const char *what,
        json_t **ret,
        Error *error) {
        json_auto_t *report = json_object();
        int r;

        if (!report)
                return error_oom(error);

        r = check_keys(object, fields, what, error);
        if (r < 0)
                return r;

        for (size_t i = 0; fields[i].key; i++) {
                json_auto_t *value = NULL;

                r = make_value(
                        &fields[i], json_object_get(object, fields[i].key), what, &value, error);
                if (r < 0)
                        return r;
                if (!fields[i].is_always && is_empty(value))
                        continue;
                if (json_object_set(report, fields[i].key, value) < 0)
                        return error_oom(error);
        }

        *ret = TAKE_PTR(report);
        return 0;
}
