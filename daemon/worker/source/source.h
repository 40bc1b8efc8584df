/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where an image comes from: its manifests and its blobs, whatever keeps them. All calls block.
 *
 *     source_open_…() -> source_get_top() -> source_get_manifest()* -> source_get_blob()*
 *                     -> source_free()
 *
 * These two are for images in files (reference-source.h). Other kinds implement SourceOps themselves.
 *
 * The get functions may be called by several threads at a time.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-digest.h"
#include "base-error.h"
#include "base-limits.h"
#include "reference-source.h"

#define SOURCE_SIZE_UNKNOWN UINT64_MAX

/* A manifest or index, as it is there. */
typedef struct SourceDocument {
        char *data; /* owned; NUL-terminated behind @size, never NULL */
        size_t size;
        char *content_type; /* owned; NULL when nothing says it */
} SourceDocument;

/* What is wanted of a blob; everything is borrowed. */
typedef struct SourceBlobRequest {
        const Digest *digest;
        const char *url; /* the address in the image, for a source with a network; or NULL */
        uint64_t offset; /* bytes that the caller has already */
        uint64_t size;   /* bytes of the whole blob; or SOURCE_SIZE_UNKNOWN */

        /* Gets the bytes from @offset on, in order, each once. Returns 0, or a negative errno with
         * @error set, which ends the transfer. */
        int (*write)(void *userdata, const void *data, size_t size, Error *error);
        void *userdata;
} SourceBlobRequest;

typedef struct Source Source;

/* One kind of source. Each as the function source_… below. */
typedef struct SourceOps {
        int (*get_top)(Source *source, SourceDocument *ret, Error *error);
        int (*get_manifest)(
                Source *source, const Digest *digest, SourceDocument *ret, Error *error);
        int (*get_blob)(Source *source, const SourceBlobRequest *request, Error *error);
        /* Of a registry; NULL for others. */
        int (*get_tagged)(Source *source, const char *tag, SourceDocument *ret, Error *error);
        int (*get_referrers)(
                Source *source, const Digest *digest, SourceDocument *ret, Error *error);
        void (*free)(Source *source);
} SourceOps;

struct Source {
        const SourceOps *ops; /* the first member of each kind's own structure */
        const char
                *name; /* what its files call the image, any bytes; NULL when they do not. Borrowed
                           * until source_free(). */
};

/* Where the bytes of a local image are. All borrowed until source_free(). */
typedef struct SourceInput {
        int fd; /* a directory (not O_PATH), or an archive: a file, from where its offset is, which
                 * may move; or a pipe or a socket, which is read to its end */
        int scratch_fd; /* an empty file, open for reading and writing, that the archive is written
                         * to if it is a pipe, is compressed as a whole or does not begin at the file's first
                         * byte; -EBADF if that is not to be */
        uint64_t scratch_bytes_max; /* most bytes that the file may get */
        const Limits *limits; /* of what is compressed: the ratio and the window of zstd count */

        /* Hears of all that is read before the image is found, which may take as long as reading the
         * archive; or NULL. Not used after source_open_archive(). @size: bytes since the last time. */
        void (*on_read)(void *userdata, uint64_t size);
        void *userdata;
} SourceInput;

/**
 * source_open_archive() - open an image in an archive
 * @reference:  its kind, SOURCE_OCI_ARCHIVE or SOURCE_DOCKER_ARCHIVE, and which image; the path is not looked at
 * @ret:        owned by the caller; untouched on failure
 *
 * Reads an archive's headers, and finds the image. Of a docker archive, whose layers have no digests,
 * those that are compressed are hashed: this takes as long as reading them.
 *
 * Members may be symbolic links, as long as these lead to nowhere outside of the archive. What is not a regular
 * file is refused. So is a member that is used and in the archive twice: the tools differ in which of the two
 * they take.
 *
 * Return: 0, or a negative errno with @error set: ERROR_INVALID_REFERENCE, when there is no such
 * image, or several and none was selected (the message lists what there is); ERROR_NOT_FOUND, when
 * something is missing; ERROR_UNSAFE_ARCHIVE, ERROR_CORRUPT_ARCHIVE, ERROR_UNSUPPORTED_IMAGE,
 * ERROR_NO_LAYERS, ERROR_LIMIT_EXCEEDED, ERROR_DIGEST_MISMATCH, ERROR_NO_SPACE.
 */
int source_open_archive(
        const ReferenceSource *reference, const SourceInput *input, Source **ret, Error *error);

/** source_open_directory() - likewise in a directory: SOURCE_OCI or SOURCE_DIR; of @input, only the descriptor counts */
int source_open_directory(
        const ReferenceSource *reference, const SourceInput *input, Source **ret, Error *error);

/** source_free() - release @source (may be NULL) */
Source *source_free(Source *source);

/**
 * source_get_top() - the manifest or index of the image that was selected
 * @ret:        to be released with source_document_done(); untouched on failure
 *
 * Where its digest is written down it has been checked. A docker archive has no manifest of the usual
 * kind: an OCI one is made of its config and layers, the same bytes for the same image.
 *
 * Return: 0, or a negative errno with @error set.
 */
int source_get_top(Source *source, SourceDocument *ret, Error *error);

/**
 * source_get_manifest() - a manifest or index by its digest, which the caller has to check
 * @ret:        to be released with source_document_done(); untouched on failure
 *
 * Return: 0; -ENOENT with ERROR_NOT_FOUND, which names the digest; or another negative errno with
 * @error set: as source_open_archive(), but for ERROR_INVALID_REFERENCE.
 */
int source_get_manifest(Source *source, const Digest *digest, SourceDocument *ret, Error *error);

/**
 * source_get_blob() - a config or a layer, whose digest the caller has to check
 *
 * ERROR_DIGEST_MISMATCH when it is not as long as it should be, or ends before @offset. An error of
 * @write is handed on. Otherwise as source_get_manifest().
 */
int source_get_blob(Source *source, const SourceBlobRequest *request, Error *error);

/**
 * source_get_tagged() - a manifest or index by its tag, of a registry
 * @ret:        to be released with source_document_done(); untouched on failure
 *
 * Return: as source_get_manifest().
 */
int source_get_tagged(Source *source, const char *tag, SourceDocument *ret, Error *error);

/** source_get_referrers() - the list of manifests that refer to a digest, of a registry; as source_get_tagged() */
int source_get_referrers(Source *source, const Digest *digest, SourceDocument *ret, Error *error);

/** source_document_done() - release what @document owns; usable with _cleanup_() */
void source_document_done(SourceDocument *document);

DEFINE_CLEANUP(Source, source_free);
