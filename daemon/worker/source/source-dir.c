/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>

#include "source-kinds.h"

#define MANIFEST       "manifest.json"
#define NAME_MAX_BYTES (sizeof("sha512-.manifest.json") + DIGEST_HEX_MAX)

typedef struct DirSource {
        Source source;
        SourceFiles *files; /* owned */
} DirSource;

static void dir_free(Source *source) {
        DirSource *dir = (DirSource *) source;

        source_files_free(dir->files);
        free(dir);
}

static int open_digest(
        const DirSource *dir,
        const Digest *digest,
        const char *suffix,
        SourceFile *ret,
        Error *error) {
        char name[NAME_MAX_BYTES], hex[DIGEST_HEX_MAX];

        (void) snprintf(
                name, sizeof(name), "%s%s%s", digest->algorithm == DIGEST_SHA256 ? "" : "sha512-",
                digest_format_hex(digest, hex), suffix);
        return source_files_open(dir->files, name, ret, error);
}

static int missing(const Digest *digest, Error *error) {
        char text[DIGEST_STRING_MAX];

        return error_set(
                error, ENOENT, ERROR_NOT_FOUND, "The directory has no file for %s",
                digest_format(digest, text));
}

static int no_manifest(const SourceFiles *files, Error *error) {
        return error_set(
                error, ENOENT, ERROR_NOT_FOUND, "It contains no manifest.json: this is %s",
                source_files_have(files, "index.json") ? "an OCI image layout; use oci:PATH"
                                                       : "not what skopeo writes to a directory");
}

static int dir_get_top(Source *source, SourceDocument *ret, Error *error) {
        const DirSource *dir = (const DirSource *) source;
        SourceDocument document = { 0 };
        int r;

        r = source_files_read(dir->files, MANIFEST, &document.data, &document.size, error);
        if (r == 0)
                return no_manifest(dir->files, error);
        if (r > 0)
                *ret = document;
        return r < 0 ? r : 0;
}

static int dir_get_manifest(
        Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        _cleanup_(source_file_done) SourceFile file = SOURCE_FILE_NULL;
        SourceDocument document = { 0 };
        char text[DIGEST_STRING_MAX];
        int r;

        r = open_digest((const DirSource *) source, digest, ".manifest.json", &file, error);
        if (r == 0)
                return missing(digest, error);
        if (r > 0)
                r = source_file_read(
                        &file, digest_format(digest, text), &document.data, &document.size, error);
        if (r >= 0)
                *ret = document;
        return r < 0 ? r : 0;
}

static int dir_get_blob(Source *source, const SourceBlobRequest *request, Error *error) {
        _cleanup_(source_file_done) SourceFile file = SOURCE_FILE_NULL;
        int r;

        r = open_digest((const DirSource *) source, request->digest, "", &file, error);
        if (r == 0)
                return missing(request->digest, error);
        return r < 0 ? r : source_file_copy_blob(&file, request, error);
}

static const SourceOps dir_ops = {
        .get_top = dir_get_top,
        .get_manifest = dir_get_manifest,
        .get_blob = dir_get_blob,
        .free = dir_free,
};

int source_dir_open(
        SourceFiles *files, const ReferenceSelector *selector, Source **ret, Error *error) {
        _cleanup_(source_file_done) SourceFile manifest = SOURCE_FILE_NULL;
        DirSource *dir;
        int r;

        r = source_files_open(files, MANIFEST, &manifest, error);
        if (r <= 0)
                return r < 0 ? r : no_manifest(files, error);

        dir = malloc(sizeof(*dir));
        if (!dir)
                return error_oom(error);

        *dir = (DirSource){ .source.ops = &dir_ops, .files = files };
        *ret = &dir->source;
        return 0;
}
