/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "oci-index.h"
#include "oci-value.h"

#define WHAT       "image index"
#define LISTED_MAX ((size_t) 20) /* platforms that a message lists */

static void entry_done(OciIndexEntry *entry) {
        oci_descriptor_done(&entry->descriptor);
        free(entry->ref_name);
        free(entry->image_name);
}

void oci_index_done(OciIndex *index) {
        for (size_t i = 0; i < index->n_entries; i++)
                entry_done(&index->entries[i]);
        free(index->entries);
        *index = (OciIndex){ 0 };
}

static bool is_attestation(const ReferencePlatform *platform) {
        return strcmp(platform->os, "unknown") == 0 ||
               strcmp(platform->architecture, "unknown") == 0;
}

/* Whether the descriptor's "artifactType" lets it be an image: of one, it is its config's type. */
static int may_be_image(const json_t *value, bool *ret, Error *error) {
        const char *text;
        int r;

        r = oci_value_get_string(value, "artifactType", WHAT, &text, error);
        if (r < 0)
                return r;

        *ret = !text || text[0] == '\0' ||
               oci_media_type_class(oci_media_type_parse(text)) == MEDIA_CLASS_CONFIG;
        return 0;
}

/* What has no type is told by its content, as skopeo does. */
static bool may_be_followed(const OciDescriptor *descriptor) {
        OciMediaClass class = oci_media_type_class(descriptor->media_type);

        return descriptor->media_type_text[0] == '\0' || class == MEDIA_CLASS_MANIFEST ||
               class == MEDIA_CLASS_SCHEMA1 || class == MEDIA_CLASS_INDEX;
}

static int read_name(const json_t *annotations, const char *key, char **ret, Error *error) {
        const char *text;
        int r;

        r = oci_value_get_string(annotations, key, WHAT, &text, error);
        if (r < 0)
                return r;
        if (!text || strlen(text) > INDEX_REF_NAME_MAX)
                return 0;

        *ret = strdup(text);
        return *ret ? 0 : error_oom(error);
}

static int read_annotations(const json_t *value, OciIndexEntry *entry, bool *may_be, Error *error) {
        json_t *annotations;
        const char *text;
        int r;

        r = oci_value_get_object(value, "annotations", WHAT, &annotations, error);
        if (r >= 0)
                r = read_name(
                        annotations, "org.opencontainers.image.ref.name", &entry->ref_name, error);
        if (r >= 0)
                r = read_name(annotations, "io.containerd.image.name", &entry->image_name, error);
        if (r >= 0)
                r = oci_value_get_string(
                        annotations, "vnd.docker.reference.type", WHAT, &text, error);
        if (r >= 0 && text && strcmp(text, "attestation-manifest") == 0)
                *may_be = false;
        return r;
}

static int entry_parse(const json_t *value, OciIndexEntry *ret, Error *error) {
        static const char *const names[] = { "platform", "annotations", "artifactType", NULL };
        _cleanup_(entry_done) OciIndexEntry entry = { 0 };
        bool may_be = false;
        json_t *platform;
        int r;

        r = oci_descriptor_parse(value, WHAT, &entry.descriptor, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(value, names, WHAT, error);
        if (r < 0)
                return r;
        r = may_be_image(value, &may_be, error);
        if (r < 0)
                return r;
        r = read_annotations(value, &entry, &may_be, error);
        if (r < 0)
                return r;
        r = oci_value_get_object(value, "platform", WHAT, &platform, error);
        if (r < 0)
                return r;

        entry.is_candidate = may_be && may_be_followed(&entry.descriptor);
        if (platform) {
                /* A platform with a name like none that exists is somebody else's. */
                if (oci_value_get_platform(platform, WHAT, &entry.platform, NULL) < 0 ||
                    is_attestation(&entry.platform))
                        entry.is_candidate = false;

                entry.has_platform =
                        entry.platform.os[0] != '\0' || entry.platform.architecture[0] != '\0';
        }

        *ret = TAKE_STRUCT(entry);
        return 0;
}

int oci_index_parse(const void *data, size_t size, OciIndex *ret, Error *error) {
        static const char *const names[] = { "manifests", NULL };
        _cleanup_(oci_index_done) OciIndex index = { 0 };
        json_auto_t *document = NULL;
        json_t *manifests, *value;
        size_t i;
        int r;

        r = oci_value_load(data, size, WHAT, &document, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(document, names, WHAT, error);
        if (r < 0)
                return r;
        r = oci_value_get_array(document, "manifests", WHAT, &manifests, error);
        if (r < 0)
                return r;
        if (json_array_size(manifests) > INDEX_ENTRIES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The " WHAT " has %zu entries, more than %zu", json_array_size(manifests),
                        INDEX_ENTRIES_MAX);

        index.entries = calloc(json_array_size(manifests) + 1, sizeof(index.entries[0]));
        if (!index.entries)
                return error_oom(error);

        json_array_foreach(manifests, i, value) {
                r = entry_parse(value, &index.entries[i], error);
                if (r < 0)
                        return r;
                index.n_entries++;
        }

        *ret = TAKE_STRUCT(index);
        return 0;
}

static bool is_listed_before(const OciIndex *index, size_t n) {
        const OciIndexEntry *entry = &index->entries[n];

        for (size_t i = 0; i < n; i++)
                if (index->entries[i].is_candidate && index->entries[i].has_platform &&
                    memcmp(&index->entries[i].platform, &entry->platform,
                           sizeof(ReferencePlatform)) == 0)
                        return true;
        return false;
}

/* "linux/amd64, linux/arm64", each once; an empty text when there are none. */
static void list_platforms(const OciIndex *index, char *ret) {
        size_t n = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < index->n_entries; i++) {
                const OciIndexEntry *entry = &index->entries[i];
                char text[PLATFORM_STRING_MAX];

                if (!entry->is_candidate || !entry->has_platform || is_listed_before(index, i))
                        continue;
                if (n == LISTED_MAX) {
                        stpcpy(ret, ", ...");
                        return;
                }

                if (n++ > 0)
                        ret = stpcpy(ret, ", ");
                ret = stpcpy(ret, reference_platform_format(&entry->platform, text));
        }
}

int oci_index_select(
        const OciIndex *index,
        const ReferencePlatform *platform,
        const OciIndexEntry **ret,
        Error *error) {
        char wanted[PLATFORM_STRING_MAX];
        char offered[LISTED_MAX * (PLATFORM_STRING_MAX + sizeof(", ")) + sizeof(", ...")];
        const OciIndexEntry *best = NULL;
        int best_rank = INT_MAX;

        for (size_t i = 0; i < index->n_entries; i++) {
                const OciIndexEntry *entry = &index->entries[i];
                int rank;

                if (!entry->is_candidate)
                        continue;

                rank = entry->has_platform ? reference_platform_rank(platform, &entry->platform)
                                           : INT_MAX - 1;
                if (rank >= 0 && rank < best_rank) {
                        best = entry;
                        best_rank = rank;
                }
        }

        if (best) {
                *ret = best;
                return 0;
        }

        reference_platform_format(platform, wanted);
        list_platforms(index, offered);
        if (offered[0] == '\0')
                return error_set(
                        error, ENOENT, ERROR_NO_MATCHING_PLATFORM,
                        "The image is not available for %s: its index lists no images", wanted);
        return error_set(
                error, ENOENT, ERROR_NO_MATCHING_PLATFORM,
                "The image is not available for %s, only for %s", wanted, offered);
}
