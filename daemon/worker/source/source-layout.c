/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "oci-index.h"
#include "oci-layout.h"
#include "source-kinds.h"
#include "source-select.h"

#define BLOB_NAME_MAX (sizeof("blobs/sha512/") + DIGEST_HEX_MAX)

typedef struct LayoutSource {
        Source source;
        SourceFiles *files;         /* owned */
        OciIndex index;             /* owned */
        const OciIndexEntry *entry; /* borrowed from @index; NULL: @top is the image itself */
        char *top;                  /* owned; an index, when there is no @entry */
        size_t top_size;
} LayoutSource;

static void layout_free(Source *source) {
        LayoutSource *layout = (LayoutSource *) source;

        oci_index_done(&layout->index);
        source_files_free(layout->files);
        free(layout->top);
        free(layout);
}

static void layout_freep(LayoutSource **layout) {
        if (*layout)
                layout_free(&(*layout)->source);
}

static int open_blob(
        const LayoutSource *layout, const Digest *digest, SourceFile *ret, Error *error) {
        char name[BLOB_NAME_MAX], hex[DIGEST_HEX_MAX], text[DIGEST_STRING_MAX];
        int r;

        (void) snprintf(
                name, sizeof(name), "blobs/%s/%s", digest_algorithm_to_string(digest->algorithm),
                digest_format_hex(digest, hex));
        r = source_files_open(layout->files, name, ret, error);
        if (r == 0)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND, "The OCI layout has no blob %s",
                        digest_format(digest, text));
        return r;
}

static int layout_get_manifest(
        Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        const LayoutSource *layout = (const LayoutSource *) source;
        _cleanup_(source_file_done) SourceFile file = SOURCE_FILE_NULL;
        SourceDocument document = { 0 };
        char text[DIGEST_STRING_MAX];
        int r;

        r = open_blob(layout, digest, &file, error);
        if (r >= 0)
                r = source_file_read(
                        &file, digest_format(digest, text), &document.data, &document.size, error);
        if (r >= 0)
                *ret = document;
        return r < 0 ? r : 0;
}

static int check_digest(const SourceDocument *document, const Digest *expected, Error *error) {
        char text[DIGEST_STRING_MAX];
        Digest digest;
        int r;

        r = hash_buffer(expected->algorithm, document->data, document->size, &digest, error);
        if (r < 0 || digest_equal(&digest, expected))
                return r;
        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "The OCI layout's blob %s has a different digest", digest_format(expected, text));
}

/* What is no blob, but index.json or a part of it: nobody says its digest. */
static int get_index(const LayoutSource *layout, SourceDocument *ret, Error *error) {
        char *data;

        data = malloc(layout->top_size + 1);
        if (!data)
                return error_oom(error);

        memcpy(data, layout->top, layout->top_size + 1);
        *ret = (SourceDocument){ .data = data, .size = layout->top_size };
        return 0;
}

static int layout_get_top(Source *source, SourceDocument *ret, Error *error) {
        const LayoutSource *layout = (const LayoutSource *) source;
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        OciMediaType type = MEDIA_TYPE_OCI_INDEX;
        const OciDescriptor *descriptor;
        int r;

        if (!layout->entry)
                r = get_index(layout, &document, error);
        else {
                descriptor = &layout->entry->descriptor;
                type = descriptor->media_type;
                r = layout_get_manifest(source, &descriptor->digest, &document, error);
                if (r >= 0)
                        r = check_digest(&document, &descriptor->digest, error);
        }
        if (r < 0)
                return r;

        if (type != MEDIA_TYPE_UNKNOWN) {
                document.content_type = strdup(oci_media_type_to_string(type));
                if (!document.content_type)
                        return error_oom(error);
        }

        *ret = TAKE_STRUCT(document);
        return 0;
}

static int layout_get_blob(Source *source, const SourceBlobRequest *request, Error *error) {
        _cleanup_(source_file_done) SourceFile file = SOURCE_FILE_NULL;
        int r;

        r = open_blob((const LayoutSource *) source, request->digest, &file, error);
        return r < 0 ? r : source_file_copy_blob(&file, request, error);
}

static const SourceOps layout_ops = {
        .get_top = layout_get_top,
        .get_manifest = layout_get_manifest,
        .get_blob = layout_get_blob,
        .free = layout_free,
};

static const char *entry_name(const OciIndexEntry *entry) {
        return entry->image_name ? entry->image_name : entry->ref_name;
}

/* Several entries are one index, which is all of index.json or made of a part of it. */
static int choose(
        LayoutSource *layout,
        const ReferenceSelector *selector,
        char *index_text,
        size_t size,
        Error *error) {
        _cleanup_(source_choice_done) SourceChoice choice = { 0 };
        int r;

        r = source_select_layout(&layout->index, selector, &choice, error);
        if (r < 0)
                return r;

        layout->source.name = entry_name(choice.entries[0]);
        if (choice.n == 1) {
                layout->entry = choice.entries[0];
                return 0;
        }
        if (!choice.is_all)
                return oci_layout_index(
                        choice.entries, choice.n, &layout->top, &layout->top_size, error);

        layout->top = strdup(index_text);
        layout->top_size = size;
        return layout->top ? 0 : error_oom(error);
}

static int no_index(const SourceFiles *files, Error *error) {
        const bool is_archive = source_files_are_archive(files);
        const char *what = "this is not an OCI image layout";

        if (source_files_have(files, "manifest.json"))
                what = is_archive ? "this is what \"docker save\" writes; use docker-archive:PATH"
                                  : "this is what skopeo writes to a directory; use dir:PATH";
        else if (is_archive)
                what = "this is not an OCI image layout; for a tarball of a root file system give "
                       "its path alone";
        return error_set(error, ENOENT, ERROR_NOT_FOUND, "It contains no index.json: %s", what);
}

int source_layout_open(
        SourceFiles *files, const ReferenceSelector *selector, Source **ret, Error *error) {
        _cleanup_(layout_freep) LayoutSource *layout = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        layout = calloc(1, sizeof(*layout));
        if (!layout)
                return error_oom(error);

        layout->source.ops = &layout_ops;
        r = source_files_read(files, "index.json", &text, &size, error);
        if (r == 0)
                return no_index(files, error);
        if (r >= 0)
                r = oci_index_parse(text, size, &layout->index, error);
        if (r >= 0)
                r = choose(layout, selector, text, size, error);
        if (r < 0)
                return r;

        layout->files = files;
        *ret = &TAKE_PTR(layout)->source;
        return 0;
}
