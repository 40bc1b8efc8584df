/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-document.h"
#include "oci-manifest.h"
#include "oci-schema1.h"
#include "oci-value.h"

#define WHAT "image manifest"

static int check_layer_type(const OciDescriptor *layer, size_t number, Error *error) {
        char digest[DIGEST_STRING_MAX];

        if (oci_media_type_class(layer->media_type) == MEDIA_CLASS_LAYER)
                return 0;

        digest_format(&layer->digest, digest);
        if (strstr(layer->media_type_text, "+encrypted"))
                return error_set(
                        error, EOPNOTSUPP, ERROR_UNSUPPORTED_IMAGE,
                        "Layer %zu (%s) is encrypted: its type is '%s'", number, digest,
                        layer->media_type_text);
        return error_set(
                error, EOPNOTSUPP, ERROR_UNSUPPORTED_IMAGE,
                "Layer %zu (%s) has the type '%s', which is not a file system layer", number,
                digest, layer->media_type_text);
}

static int read_layers(const json_t *layers, OciManifest *manifest, Error *error) {
        json_t *value;
        size_t i;
        int r;

        if (json_array_size(layers) == 0)
                return error_set(error, EBADMSG, ERROR_NO_LAYERS, "The image has no layers");
        if (json_array_size(layers) > LAYERS_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The image has %zu layers, more than %zu", json_array_size(layers),
                        LAYERS_MAX);

        manifest->layers = calloc(json_array_size(layers), sizeof(manifest->layers[0]));
        if (!manifest->layers)
                return error_oom(error);

        json_array_foreach(layers, i, value) {
                r = oci_descriptor_parse(value, WHAT, &manifest->layers[i], error);
                if (r < 0)
                        return r;
                manifest->n_layers++;

                r = check_layer_type(&manifest->layers[i], i + 1, error);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int read_config(const json_t *document, OciManifest *manifest, Error *error) {
        const json_t *config = oci_value_get(document, "config");
        int r;

        r = oci_descriptor_parse(config, WHAT, &manifest->config, error);
        if (r < 0)
                return r;
        if (manifest->config.size > OCI_DOCUMENT_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The image configuration has %ju bytes, more than %zu",
                        (uintmax_t) manifest->config.size, OCI_DOCUMENT_MAX);

        manifest->has_config = true;
        return 0;
}

static int parse_schema2(
        const void *data, size_t size, OciMediaType media_type, OciManifest *ret, Error *error) {
        static const char *const names[] = { "config", "layers", NULL };
        _cleanup_(oci_manifest_done) OciManifest manifest = { .media_type = media_type };
        json_auto_t *document = NULL;
        json_t *layers;
        int r;

        r = oci_value_load(data, size, WHAT, &document, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(document, names, WHAT, error);
        if (r < 0)
                return r;
        r = oci_value_get_array(document, "layers", WHAT, &layers, error);
        if (r < 0)
                return r;
        r = read_layers(layers, &manifest, error);
        if (r < 0)
                return r;
        r = read_config(document, &manifest, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(manifest);
        return 0;
}

int oci_manifest_parse(
        const void *data, size_t size, OciMediaType media_type, OciManifest *ret, Error *error) {
        if (oci_media_type_class(media_type) == MEDIA_CLASS_SCHEMA1)
                return oci_schema1_parse(data, size, media_type, ret, error);

        assert(oci_media_type_class(media_type) == MEDIA_CLASS_MANIFEST);
        return parse_schema2(data, size, media_type, ret, error);
}
