/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of an image by their names: in a directory, or the members of an archive. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "source-archive.h"
#include "source.h"

typedef struct SourceFiles SourceFiles;

typedef struct SourceFile {
        int fd; /* to be closed when @is_owned, else borrowed from the files */
        bool is_owned;
        SourceExtent extent;
} SourceFile;

#define SOURCE_FILE_NULL ((SourceFile){ .fd = -EBADF })

/**
 * source_files_new_directory() - the files below a directory
 * @fd:         borrowed
 *
 * Return: 0, or a negative errno with @error set; *@ret is owned by the caller.
 */
int source_files_new_directory(int fd, SourceFiles **ret, Error *error);

/** source_files_new_archive() - the members of an archive; otherwise the same */
int source_files_new_archive(const SourceInput *input, SourceFiles **ret, Error *error);

/** source_files_free() - release @files (may be NULL) */
SourceFiles *source_files_free(SourceFiles *files);

/**
 * source_files_open() - find a file
 * @name:       relative
 * @ret:        to be released with source_file_done(); only set when there is one
 *
 * Return: 1; 0 when there is none; or a negative errno with @error set: ERROR_UNSAFE_ARCHIVE for what
 * is not a regular file, or is a link that leads out of the directory or the archive, or nowhere.
 */
int source_files_open(const SourceFiles *files, const char *name, SourceFile *ret, Error *error);

/** source_files_are_archive() - whether they are an archive's members */
bool source_files_are_archive(const SourceFiles *files);

/** source_files_have() - whether there is such a file, for messages */
bool source_files_have(const SourceFiles *files, const char *name);

/** source_files_have_read() - tell who opened @files that @size more bytes were read */
void source_files_have_read(const SourceFiles *files, size_t size);

/** source_file_done() - close what @file owns; usable with _cleanup_() */
void source_file_done(SourceFile *file);

/**
 * source_file_copy() - hand all bytes of @file from @offset on to @write, as SourceBlobRequest has it
 *
 * Return: 0, or a negative errno with @error set: ERROR_DIGEST_MISMATCH when @file ends before @offset
 * or has become shorter.
 */
int source_file_copy(
        const SourceFile *file,
        uint64_t offset,
        int (*write)(void *userdata, const void *data, size_t size, Error *error),
        void *userdata,
        Error *error);

/** source_file_copy_blob() - source_file_copy() for a request; @file is the blob that it wants */
int source_file_copy_blob(const SourceFile *file, const SourceBlobRequest *request, Error *error);

/**
 * source_file_read() - all of a document
 * @what:       names it in messages
 * @ret:        NUL-terminated, owned by the caller; untouched on failure
 *
 * Return: 0, or a negative errno with @error set: ERROR_LIMIT_EXCEEDED for more than OCI_DOCUMENT_MAX
 * bytes.
 */
int source_file_read(
        const SourceFile *file, const char *what, char **ret, size_t *ret_size, Error *error);

/**
 * source_files_read() - source_file_read() by name
 *
 * Return: 1; 0 when there is none; or a negative errno with @error set.
 */
int source_files_read(
        const SourceFiles *files, const char *name, char **ret, size_t *ret_size, Error *error);

DEFINE_CLEANUP(SourceFiles, source_files_free);
