/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-document.h"
#include "oci-schema1.h"
#include "oci-value.h"

#define WHAT         "image manifest (schema 1)"
#define WHAT_HISTORY "history of the image manifest (schema 1)"
#define WHAT_HEADER  "signature of the image manifest (schema 1)"

static int base64url_value(char c) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const char *p = c ? strchr(digits, c) : NULL;

        return p ? (int) (p - digits) : -EINVAL;
}

/* RFC 7515: base64url without padding. *@ret is NUL-terminated. */
static int base64url_decode(const char *text, char **ret, size_t *ret_size) {
        _cleanup_(freep) char *decoded = malloc(strlen(text) + 1);
        uint32_t bits = 0;
        size_t size = 0;
        int n_bits = 0;

        if (!decoded)
                return -ENOMEM;

        for (const char *p = text; *p; p++) {
                int value = base64url_value(*p);

                if (value < 0)
                        return value;

                bits = bits << 6 | (uint32_t) value;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        decoded[size++] = (char) (bits >> n_bits & 0xff);
                }
        }

        if (n_bits == 6)
                return -EINVAL;

        decoded[size] = '\0';
        *ret = TAKE_PTR(decoded);
        *ret_size = size;
        return 0;
}

static int get_base64url(
        const json_t *object, const char *key, char **ret, size_t *ret_size, Error *error) {
        const char *text;
        int r;

        r = oci_value_get_string(object, key, WHAT_HEADER, &text, error);
        if (r < 0)
                return r;

        r = base64url_decode(text ? text : "", ret, ret_size);
        if (r == -ENOMEM)
                return error_oom(error);
        if (r < 0)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "'%s' in the " WHAT_HEADER " is not base64url", key);
        return 0;
}

/* Where the signed bytes are, in libtrust's words: @length of the document, then @tail. */
typedef struct Format {
        size_t length;
        char *tail; /* owned */
        size_t tail_size;
} Format;

static void format_done(Format *format) {
        free(format->tail);
}

static bool format_equal(const Format *a, const Format *b) {
        return a->tail && b->tail && a->length == b->length && a->tail_size == b->tail_size &&
               memcmp(a->tail, b->tail, a->tail_size) == 0;
}

/* Of one signature of a document of @size bytes. */
static int format_parse(const json_t *signature, size_t size, Format *ret, Error *error) {
        static const char *const names[] = { "formatLength", "formatTail", NULL };
        _cleanup_(freep) char *text = NULL;
        json_auto_t *header = NULL;
        const json_t *length;
        size_t text_size = 0;
        int r;

        r = get_base64url(signature, "protected", &text, &text_size, error);
        if (r < 0)
                return r;
        r = oci_value_load(text, text_size, WHAT_HEADER, &header, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(header, names, WHAT_HEADER, error);
        if (r < 0)
                return r;

        length = oci_value_get(header, "formatLength");
        if (!json_is_integer(length) || json_integer_value(length) < 0 ||
            (uint64_t) json_integer_value(length) > size)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "'formatLength' in the " WHAT_HEADER " is out of range");

        r = get_base64url(header, "formatTail", &ret->tail, &ret->tail_size, error);
        if (r < 0)
                return r;

        ret->length = (size_t) json_integer_value(length);
        return 0;
}

/* *@ret is @format's part of @data and its tail. */
static int join(
        const void *data, const Format *format, char **ret, size_t *ret_size, Error *error) {
        char *payload = malloc(format->length + format->tail_size + 1);

        if (!payload)
                return error_oom(error);

        memcpy(payload, data, format->length);
        if (format->tail)
                memcpy(payload + format->length, format->tail, format->tail_size);

        *ret = payload;
        *ret_size = format->length + format->tail_size;
        return 0;
}

/* What the first signature says; the others have to agree. */
static int formats_parse(const json_t *signatures, size_t size, Format *ret, Error *error) {
        int r;

        r = format_parse(json_array_get(signatures, 0), size, ret, error);
        if (r < 0)
                return r;

        for (size_t i = 1; i < json_array_size(signatures); i++) {
                _cleanup_(format_done) Format other = { 0 };

                r = format_parse(json_array_get(signatures, i), size, &other, error);
                if (r < 0)
                        return r;
                if (!format_equal(&other, ret))
                        return error_set(
                                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                                "The signatures of the " WHAT " are for different contents");
        }

        return 0;
}

int oci_schema1_payload(const void *data, size_t size, char **ret, size_t *ret_size, Error *error) {
        static const char *const names[] = { "signatures", NULL };
        _cleanup_(format_done) Format format = { .length = size };
        json_auto_t *document = NULL;
        json_t *signatures;
        int r;

        r = oci_value_load(data, size, WHAT, &document, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(document, names, WHAT, error);
        if (r < 0)
                return r;
        r = oci_value_get_array(document, "signatures", WHAT, &signatures, error);
        if (r < 0)
                return r;

        if (json_array_size(signatures) > 0) {
                r = formats_parse(signatures, size, &format, error);
                if (r < 0)
                        return r;
        }

        return join(data, &format, ret, ret_size, error);
}

/* What one entry of "history" says about its layer. */
typedef struct History {
        bool is_throwaway;
        ReferencePlatform platform;
} History;

static int history_parse(const json_t *value, History *ret, Error *error) {
        static const char *const outer_names[] = { "v1Compatibility", NULL };
        static const char *const names[] = { "throwaway", NULL };
        json_auto_t *layer = NULL;
        const char *text;
        int r;

        r = oci_value_check_keys(value, outer_names, WHAT_HISTORY, error);
        if (r < 0)
                return r;
        r = oci_value_get_string(value, "v1Compatibility", WHAT_HISTORY, &text, error);
        if (r < 0)
                return r;
        if (!text)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "The " WHAT_HISTORY " has no entry for a layer");

        r = oci_value_load(text, strlen(text), WHAT_HISTORY, &layer, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(layer, names, WHAT_HISTORY, error);
        if (r < 0)
                return r;

        ret->is_throwaway = json_is_true(oci_value_get(layer, "throwaway"));
        return oci_value_get_platform(layer, WHAT_HISTORY, &ret->platform, error);
}

static int layer_parse(const json_t *value, OciDescriptor *ret, Error *error) {
        static const char *const names[] = { "blobSum", NULL };
        int r;

        r = oci_value_check_keys(value, names, WHAT, error);
        if (r < 0)
                return r;
        r = oci_value_get_digest(value, "blobSum", WHAT, &ret->digest, error);
        if (r < 0)
                return r;

        ret->size = DESCRIPTOR_SIZE_UNKNOWN;
        ret->media_type = MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP;
        stpcpy(ret->media_type_text, oci_media_type_to_string(ret->media_type));
        return 0;
}

/* The newest layer comes first in the document, and last in @manifest. */
static int read_layers(
        const json_t *layers, const json_t *history, OciManifest *manifest, Error *error) {
        size_t n = json_array_size(layers);
        int r;

        if (json_array_size(history) != n)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "The " WHAT " has %zu layers, but %zu history entries", n,
                        json_array_size(history));

        manifest->layers = calloc(n < LAYERS_MAX ? n + 1 : LAYERS_MAX, sizeof(manifest->layers[0]));
        if (!manifest->layers)
                return error_oom(error);

        for (size_t i = n; i-- > 0;) {
                History entry = { 0 };

                r = history_parse(json_array_get(history, i), &entry, error);
                if (r < 0)
                        return r;
                if (i == 0)
                        manifest->platform = entry.platform;
                if (entry.is_throwaway)
                        continue;

                if (manifest->n_layers == LAYERS_MAX)
                        return error_set(
                                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                                "The image has more than %zu layers", LAYERS_MAX);

                r = layer_parse(
                        json_array_get(layers, i), &manifest->layers[manifest->n_layers], error);
                if (r < 0)
                        return r;
                manifest->n_layers++;
        }

        if (manifest->n_layers == 0)
                return error_set(error, EBADMSG, ERROR_NO_LAYERS, "The image has no layers");
        return 0;
}

/* The document names the architecture, and the newest layer's history the system. */
static int read_platform(const json_t *document, OciManifest *manifest, Error *error) {
        ReferencePlatform platform;
        int r;

        r = oci_value_get_platform(document, WHAT, &platform, error);
        if (r < 0)
                return r;

        if (platform.architecture[0] != '\0') {
                stpcpy(manifest->platform.architecture, platform.architecture);
                if (platform.variant[0] != '\0')
                        stpcpy(manifest->platform.variant, platform.variant);
        }

        manifest->has_platform = manifest->platform.architecture[0] != '\0';
        if (manifest->has_platform && manifest->platform.os[0] == '\0')
                stpcpy(manifest->platform.os, "linux");
        return 0;
}

int oci_schema1_parse(
        const void *data, size_t size, OciMediaType media_type, OciManifest *ret, Error *error) {
        static const char *const names[] = { "fsLayers", "history", NULL };
        _cleanup_(oci_manifest_done) OciManifest manifest = { .media_type = media_type };
        _cleanup_(freep) char *payload = NULL;
        json_auto_t *document = NULL;
        json_t *layers, *history;
        size_t payload_size = 0;
        int r;

        /* What lies outside the payload was never hashed. */
        r = oci_schema1_payload(data, size, &payload, &payload_size, error);
        if (r < 0)
                return r;
        r = oci_value_load(payload, payload_size, WHAT, &document, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(document, names, WHAT, error);
        if (r < 0)
                return r;
        r = oci_value_get_array(document, "fsLayers", WHAT, &layers, error);
        if (r < 0)
                return r;
        r = oci_value_get_array(document, "history", WHAT, &history, error);
        if (r < 0)
                return r;
        r = read_layers(layers, history, &manifest, error);
        if (r < 0)
                return r;
        r = read_platform(document, &manifest, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(manifest);
        return 0;
}
