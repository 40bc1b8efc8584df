/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-layout.h"

static const OciMediaType oci_types[_MEDIA_TYPE_MAX] = {
        [MEDIA_TYPE_DOCKER_CONFIG] = MEDIA_TYPE_OCI_CONFIG,
        [MEDIA_TYPE_DOCKER_LAYER_TAR] = MEDIA_TYPE_OCI_LAYER_TAR,
        [MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP] = MEDIA_TYPE_OCI_LAYER_TAR_GZIP,
        [MEDIA_TYPE_DOCKER_LAYER_TAR_ZSTD] = MEDIA_TYPE_OCI_LAYER_TAR_ZSTD,
        [MEDIA_TYPE_DOCKER_FOREIGN_TAR] = MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR,
        [MEDIA_TYPE_DOCKER_FOREIGN_TAR_GZIP] = MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_GZIP,
};

static json_t *describe(const OciDescriptor *descriptor) {
        OciMediaType type = oci_types[descriptor->media_type];
        char digest[DIGEST_STRING_MAX];

        assert(descriptor->size != DESCRIPTOR_SIZE_UNKNOWN);

        /* A type that is an OCI one already, or nobody's, stays. */
        return json_pack(
                "{s:s, s:I, s:s}", "mediaType",
                type == MEDIA_TYPE_UNKNOWN ? descriptor->media_type_text
                                           : oci_media_type_to_string(type),
                "size", (json_int_t) descriptor->size, "digest",
                digest_format(&descriptor->digest, digest));
}

static json_t *describe_layers(const OciManifest *manifest) {
        json_t *layers = json_array();

        for (size_t i = 0; layers && i < manifest->n_layers; i++)
                if (json_array_append_new(layers, describe(&manifest->layers[i])) < 0) {
                        json_decref(layers);
                        return NULL;
                }

        return layers;
}

/* Takes over @document, which may be NULL. */
static int write_document(json_t *document, char **ret, size_t *ret_size, Error *error) {
        char *text;

        text = document ? json_dumps(document, JSON_COMPACT) : NULL;
        json_decref(document);
        if (!text)
                return error_oom(error);

        *ret = text;
        *ret_size = strlen(text);
        return 0;
}

int oci_layout_manifest(const OciManifest *manifest, char **ret, size_t *ret_size, Error *error) {
        assert(manifest->has_config);

        return write_document(
                json_pack(
                        "{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType",
                        oci_media_type_to_string(MEDIA_TYPE_OCI_MANIFEST), "config",
                        describe(&manifest->config), "layers", describe_layers(manifest)),
                ret, ret_size, error);
}

static json_t *describe_entry(const OciIndexEntry *entry) {
        const ReferencePlatform *platform = &entry->platform;
        json_t *value = describe(&entry->descriptor);
        json_t *part =
                json_pack("{s:s, s:s}", "os", platform->os, "architecture", platform->architecture);

        if (part && platform->variant[0] != '\0' &&
            json_object_set_new(part, "variant", json_string(platform->variant)) < 0) {
                json_decref(part);
                part = NULL;
        }
        /* Fails without a @part, too. */
        if (value && json_object_set_new(value, "platform", part) < 0) {
                json_decref(value);
                return NULL;
        }

        return value;
}

static json_t *describe_entries(const OciIndexEntry *const *entries, size_t n) {
        json_t *manifests = json_array();

        for (size_t i = 0; manifests && i < n; i++)
                if (json_array_append_new(manifests, describe_entry(entries[i])) < 0) {
                        json_decref(manifests);
                        return NULL;
                }

        return manifests;
}

int oci_layout_index(
        const OciIndexEntry *const *entries, size_t n, char **ret, size_t *ret_size, Error *error) {
        return write_document(
                json_pack(
                        "{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType",
                        oci_media_type_to_string(MEDIA_TYPE_OCI_INDEX), "manifests",
                        describe_entries(entries, n)),
                ret, ret_size, error);
}
