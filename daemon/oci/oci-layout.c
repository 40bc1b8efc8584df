/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-layout.h"

static const MediaType oci_types[_MEDIA_TYPE_MAX] = {
        [MEDIA_TYPE_DOCKER_CONFIG] = MEDIA_TYPE_OCI_CONFIG,
        [MEDIA_TYPE_DOCKER_LAYER_TAR] = MEDIA_TYPE_OCI_LAYER_TAR,
        [MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP] = MEDIA_TYPE_OCI_LAYER_TAR_GZIP,
        [MEDIA_TYPE_DOCKER_LAYER_TAR_ZSTD] = MEDIA_TYPE_OCI_LAYER_TAR_ZSTD,
        [MEDIA_TYPE_DOCKER_FOREIGN_TAR] = MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR,
        [MEDIA_TYPE_DOCKER_FOREIGN_TAR_GZIP] = MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_GZIP,
};

static json_t *describe(const Descriptor *descriptor) {
        MediaType type = oci_types[descriptor->media_type];
        char digest[DIGEST_STRING_MAX];

        assert(descriptor->size != DESCRIPTOR_SIZE_UNKNOWN);

        /* A type that is an OCI one already, or nobody's, stays. */
        return json_pack(
                "{s:s, s:I, s:s}", "mediaType",
                type == MEDIA_TYPE_UNKNOWN ? descriptor->media_type_text
                                           : media_type_to_string(type),
                "size", (json_int_t) descriptor->size, "digest",
                digest_format(&descriptor->digest, digest));
}

static json_t *describe_layers(const Manifest *manifest) {
        json_t *layers = json_array();

        for (size_t i = 0; layers && i < manifest->n_layers; i++)
                if (json_array_append_new(layers, describe(&manifest->layers[i])) < 0) {
                        json_decref(layers);
                        return NULL;
                }

        return layers;
}

int layout_manifest(const Manifest *manifest, char **ret, size_t *ret_size, Error *error) {
        json_t *document;
        char *text;

        assert(manifest->has_config);

        document = json_pack(
                "{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType",
                media_type_to_string(MEDIA_TYPE_OCI_MANIFEST), "config",
                describe(&manifest->config), "layers", describe_layers(manifest));
        text = document ? json_dumps(document, JSON_COMPACT) : NULL;
        json_decref(document);
        if (!text)
                return error_oom(error);

        *ret = text;
        *ret_size = strlen(text);
        return 0;
}
