/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "oci-index.h"
#include "source-kinds.h"
#include "source-select.h"

#define BLOB_NAME_MAX (sizeof("blobs/sha512/") + DIGEST_HEX_MAX)

typedef struct LayoutSource {
        ImageSource source;
        SourceFiles *files;      /* owned */
        Index index;             /* owned */
        const IndexEntry *entry; /* borrowed from @index; NULL: @index_text is the image itself */
        char *index_text;        /* owned */
        size_t index_size;
} LayoutSource;

static void layout_free(ImageSource *source) {
        LayoutSource *layout = (LayoutSource *) source;

        index_done(&layout->index);
        source_files_free(layout->files);
        free(layout->index_text);
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
        ImageSource *source, const Digest *digest, SourceDocument *ret, Error *error) {
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
                "The OCI layout's blob %s has another digest", digest_format(expected, text));
}

/* Not what is a blob, but the index.json: nobody says its digest. */
static int get_index(const LayoutSource *layout, SourceDocument *ret, Error *error) {
        char *data;

        data = malloc(layout->index_size + 1);
        if (!data)
                return error_oom(error);

        memcpy(data, layout->index_text, layout->index_size + 1);
        *ret = (SourceDocument){ .data = data, .size = layout->index_size };
        return 0;
}

static int layout_get_top(ImageSource *source, SourceDocument *ret, Error *error) {
        const LayoutSource *layout = (const LayoutSource *) source;
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        const Descriptor *descriptor;
        int r;

        if (!layout->entry)
                r = get_index(layout, &document, error);
        else {
                descriptor = &layout->entry->descriptor;
                r = layout_get_manifest(source, &descriptor->digest, &document, error);
                if (r >= 0)
                        r = check_digest(&document, &descriptor->digest, error);
        }
        if (r < 0)
                return r;

        document.content_type =
                strdup(layout->entry ? media_type_to_string(layout->entry->descriptor.media_type)
                                     : media_type_to_string(MEDIA_TYPE_OCI_INDEX));
        if (!document.content_type)
                return error_oom(error);

        *ret = TAKE_STRUCT(document);
        return 0;
}

static int layout_get_blob(ImageSource *source, const SourceBlobRequest *request, Error *error) {
        _cleanup_(source_file_done) SourceFile file = SOURCE_FILE_NULL;
        int r;

        r = open_blob((const LayoutSource *) source, request->digest, &file, error);
        return r < 0 ? r : source_file_copy_blob(&file, request, error);
}

static const ImageSourceOps layout_ops = {
        .get_top = layout_get_top,
        .get_manifest = layout_get_manifest,
        .get_blob = layout_get_blob,
        .free = layout_free,
};

static const char *entry_name(const IndexEntry *entry) {
        return entry->image_name ? entry->image_name : entry->ref_name;
}

int source_layout_open(
        SourceFiles *files, const SourceSelector *selector, ImageSource **ret, Error *error) {
        _cleanup_(layout_freep) LayoutSource *layout = NULL;
        int r;

        layout = calloc(1, sizeof(*layout));
        if (!layout)
                return error_oom(error);

        layout->source.ops = &layout_ops;
        r = source_files_read(files, "index.json", &layout->index_text, &layout->index_size, error);
        if (r == 0)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND,
                        "There is no index.json in it: this is not an OCI image layout");
        if (r >= 0)
                r = index_parse(layout->index_text, layout->index_size, &layout->index, error);
        if (r >= 0)
                r = source_select_layout(&layout->index, selector, &layout->entry, error);
        if (r < 0)
                return r;

        layout->source.name = layout->entry ? entry_name(layout->entry) : NULL;
        layout->files = files;
        *ret = &TAKE_PTR(layout)->source;
        return 0;
}
