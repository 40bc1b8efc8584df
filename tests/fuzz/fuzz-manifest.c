/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "oci-document.h"
#include "oci-index.h"
#include "oci-manifest.h"
#include "oci-schema1.h"

static void check_failure(int r, const Error *error) {
        if (r >= 0 || error->code != -r || !error->message)
                __builtin_trap();
        for (const char *p = error->message; *p; p++)
                if (*p < ' ' || *p > '~')
                        __builtin_trap();
}

static void check_descriptor(const OciDescriptor *descriptor) {
        if (!digest_is_valid(&descriptor->digest) ||
            (descriptor->size > DESCRIPTOR_SIZE_MAX &&
             descriptor->size != DESCRIPTOR_SIZE_UNKNOWN) ||
            descriptor->media_type >= _MEDIA_TYPE_MAX ||
            (descriptor->url && !oci_media_type_is_foreign(descriptor->media_type)))
                __builtin_trap();
}

static void try_manifest(const uint8_t *data, size_t size, OciMediaType type) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        int r;

        r = oci_manifest_parse(data, size, type, &manifest, &error);
        if (r < 0) {
                check_failure(r, &error);
                return;
        }

        if (manifest.n_layers < 1 || manifest.n_layers > LAYERS_MAX ||
            manifest.media_type != type ||
            manifest.has_config != (oci_media_type_class(type) == MEDIA_CLASS_MANIFEST))
                __builtin_trap();
        if (manifest.has_config)
                check_descriptor(&manifest.config);
        for (size_t i = 0; i < manifest.n_layers; i++) {
                check_descriptor(&manifest.layers[i]);
                if (oci_media_type_class(manifest.layers[i].media_type) != MEDIA_CLASS_LAYER)
                        __builtin_trap();
        }
}

static void try_payload(const uint8_t *data, size_t size) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) char *payload = NULL;
        size_t payload_size;
        int r;

        r = oci_schema1_payload(data, size, &payload, &payload_size, &error);
        if (r < 0)
                check_failure(r, &error);
        else if (payload_size > OCI_DOCUMENT_MAX)
                __builtin_trap();
}

static void try_index(const uint8_t *data, size_t size) {
        static const ReferencePlatform platforms[] = {
                { "linux", "amd64", "" },
                { "linux", "arm", "v6" },
                { "unknown", "unknown", "" },
        };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(oci_index_done) OciIndex index = { 0 };
        int r;

        r = oci_index_parse(data, size, &index, &error);
        if (r < 0) {
                check_failure(r, &error);
                return;
        }

        if (index.n_entries > INDEX_ENTRIES_MAX)
                __builtin_trap();
        for (size_t i = 0; i < index.n_entries; i++)
                check_descriptor(&index.entries[i].descriptor);

        for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
                _cleanup_(error_clear) Error none = ERROR_NULL;
                const OciIndexEntry *entry;

                r = oci_index_select(&index, &platforms[i], &entry, &none);
                if (r < 0)
                        check_failure(r, &none);
                else if (
                        !entry->is_candidate ||
                        (entry->has_platform &&
                         reference_platform_rank(&platforms[i], &entry->platform) < 0))
                        __builtin_trap();
        }
}

/* Whatever is accepted, as whatever type, has valid digests and 1 to 1000 layers. What is
 * refused says why, in printable characters. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        OciMediaType type;
        int r;

        r = oci_document_classify(data, size, NULL, &type, &error);
        if (r < 0)
                check_failure(r, &error);
        else if (
                oci_media_type_class(type) == MEDIA_CLASS_OTHER ||
                oci_media_type_class(type) > MEDIA_CLASS_INDEX)
                __builtin_trap();

        try_manifest(data, size, MEDIA_TYPE_OCI_MANIFEST);
        try_manifest(data, size, MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED);
        try_payload(data, size);
        try_index(data, size);
        return 0;
}
