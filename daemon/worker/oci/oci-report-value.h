/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON objects with known fields, written as encoding/json of Go writes what it has read; for oci-report.c only. */

#include <jansson.h>
#include <stdbool.h>

#include "base-error.h"

#define REPORT_FIELDS_MAX ((size_t) 16) /* of one object */

typedef enum OciReportKind {
        REPORT_TEXT,
        REPORT_TIME, /* RFC 3339 */
        REPORT_BOOL,
        REPORT_TEXTS,   /* an array of strings */
        REPORT_SET,     /* an object whose members are empty objects */
        REPORT_MAP,     /* an object whose members are strings */
        REPORT_OBJECT,  /* with fields of its own */
        REPORT_OBJECTS, /* an array of such */
} OciReportKind;

typedef struct OciReportField {
        const char *key; /* NULL ends a list of fields */
        OciReportKind kind;
        bool is_always; /* it is written even if it is empty */
        const struct OciReportField *fields;
} OciReportField;

/**
 * oci_report_object() - the @fields of an object, in their order
 * @object:     NULL: one without members
 * @what:       names the document in messages
 * @ret:        to be released with json_decref()
 *
 * A member that is always written and is missing is "", false, {} for an object and null for all else.
 *
 * Return: 0, or a negative errno with @error set: ERROR_UNSUPPORTED_IMAGE if a member is of another type, or has a
 * name that is a field's in another case.
 */
int oci_report_object(
        const json_t *object,
        const OciReportField *fields,
        const char *what,
        json_t **ret,
        Error *error);
