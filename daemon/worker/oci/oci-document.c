/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>

#include "base-macro.h"
#include "base-text.h"
#include "oci-document.h"
#include "oci-value.h"

#define WHAT "image manifest"

/* What the members that only one class has say; MEDIA_CLASS_OTHER when there are none. */
static int class_by_members(const json_t *document, OciMediaClass *ret, Error *error) {
        static const struct {
                const char *key;
                OciMediaClass class;
        } members[] = {
                { "config", MEDIA_CLASS_MANIFEST },
                { "layers", MEDIA_CLASS_MANIFEST },
                { "manifests", MEDIA_CLASS_INDEX },
                { "fsLayers", MEDIA_CLASS_SCHEMA1 },
        };
        OciMediaClass class = MEDIA_CLASS_OTHER;
        const char *first = NULL;

        for (size_t i = 0; i < N_ELEMENTS(members); i++) {
                if (!oci_value_get(document, members[i].key))
                        continue;
                if (first && members[i].class != class)
                        return error_set(
                                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                                "The " WHAT " is ambiguous: it has both '%s' and '%s'", first,
                                members[i].key);

                first = members[i].key;
                class = members[i].class;
        }

        *ret = class;
        return 0;
}

/* The type that @text declares; MEDIA_TYPE_UNKNOWN when it says nothing. */
static int declared_type(const char *text, OciMediaType *ret, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        OciMediaType type;

        if (oci_media_type_is_generic(text)) {
                *ret = MEDIA_TYPE_UNKNOWN;
                return 0;
        }

        type = oci_media_type_parse(text);
        switch (oci_media_type_class(type)) {
        case MEDIA_CLASS_MANIFEST:
        case MEDIA_CLASS_SCHEMA1:
        case MEDIA_CLASS_INDEX:
                *ret = type;
                return 0;
        case MEDIA_CLASS_CONFIG:
        case MEDIA_CLASS_LAYER:
        case MEDIA_CLASS_OTHER:
                break;
        }

        return error_set(
                error, EOPNOTSUPP, ERROR_UNSUPPORTED_IMAGE,
                "'%s' is not the type of an image manifest or index", text_quote(text, quoted));
}

static OciMediaType guess_type(const json_t *document) {
        const json_t *version = oci_value_get(document, "schemaVersion");
        const char *config_type =
                json_string_value(oci_value_get(oci_value_get(document, "config"), "mediaType"));

        if (json_integer_value(version) == 1)
                return oci_value_get(document, "signatures") ? MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED
                                                             : MEDIA_TYPE_DOCKER_SCHEMA1;
        if (config_type && oci_media_type_parse(config_type) == MEDIA_TYPE_DOCKER_CONFIG)
                return MEDIA_TYPE_DOCKER_MANIFEST;
        if (json_array_size(oci_value_get(document, "manifests")) > 0)
                return MEDIA_TYPE_OCI_INDEX;
        return MEDIA_TYPE_OCI_MANIFEST;
}

static int check_version(const json_t *document, OciMediaClass class, Error *error) {
        const json_t *version = oci_value_get(document, "schemaVersion");
        json_int_t expected = class == MEDIA_CLASS_SCHEMA1 ? 1 : 2;

        /* Old builders left it out of what is not schema 1. */
        if (!version && class != MEDIA_CLASS_SCHEMA1)
                return 0;
        if (!json_is_integer(version) || json_integer_value(version) != expected)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "The " WHAT "'s schemaVersion is not %d", (int) expected);
        return 0;
}

static int contradiction(Error *error, const char *a, const char *b) {
        return error_set(
                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                "The " WHAT " is ambiguous: %s and %s do not agree", a, b);
}

/* Content-Type, "mediaType" and the members have to agree, as far as they say anything. */
static int settle_type(
        const json_t *document, const char *content_type, OciMediaType *ret, Error *error) {
        OciMediaType by_header = MEDIA_TYPE_UNKNOWN, by_document = MEDIA_TYPE_UNKNOWN, type;
        OciMediaClass by_members = MEDIA_CLASS_OTHER;
        const char *text = NULL;
        int r;

        r = class_by_members(document, &by_members, error);
        if (r < 0)
                return r;
        r = declared_type(content_type, &by_header, error);
        if (r < 0)
                return r;
        r = oci_value_get_string(document, "mediaType", WHAT, &text, error);
        if (r < 0)
                return r;
        r = declared_type(text, &by_document, error);
        if (r < 0)
                return r;

        if (by_header != MEDIA_TYPE_UNKNOWN && by_document != MEDIA_TYPE_UNKNOWN &&
            oci_media_type_class(by_header) != oci_media_type_class(by_document))
                return contradiction(error, "its Content-Type", "its mediaType");

        type = by_header != MEDIA_TYPE_UNKNOWN ? by_header : by_document;
        if (type == MEDIA_TYPE_UNKNOWN)
                type = guess_type(document);
        if (by_members != MEDIA_CLASS_OTHER && by_members != oci_media_type_class(type))
                return contradiction(error, "its type", "its content");

        r = check_version(document, oci_media_type_class(type), error);
        if (r < 0)
                return r;

        *ret = type;
        return 0;
}

int oci_document_classify(
        const void *data, size_t size, const char *content_type, OciMediaType *ret, Error *error) {
        static const char *const names[] = {
                "schemaVersion", "mediaType", "config",     "layers", "manifests",
                "fsLayers",      "history",   "signatures", NULL,
        };
        json_auto_t *document = NULL;
        int r;

        r = oci_value_load(data, size, WHAT, &document, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(document, names, WHAT, error);
        if (r < 0)
                return r;

        return settle_type(document, content_type, ret, error);
}
