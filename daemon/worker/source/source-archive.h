/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The members of a tar archive that is not compressed, and where in it their content is. */

#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

#define SOURCE_MEMBERS_MAX   ((size_t) 100000)
#define SOURCE_LINK_HOPS_MAX 8U /* links to links */
#define SOURCE_HEADER_BYTES_MAX                                                                    \
        ((size_t) 1 << 20) /* one of a member's; all of them: four times that */

typedef struct SourceArchive SourceArchive;

/* Where a member's content is. */
typedef struct SourceExtent {
        uint64_t offset; /* bytes; so is @size. Both are within the file. */
        uint64_t size;
} SourceExtent;

/**
 * source_archive_new() - read all headers
 * @fd:         a regular file, read with pread(2); borrowed, for this call only
 * @ret:        owned by the caller; untouched on failure
 *
 * Names that are longer than SOURCE_PATH_MAX, or lead out of the archive, are left out: nothing can
 * ask for them.
 *
 * Return: 0, or a negative errno with @error set: ERROR_CORRUPT_ARCHIVE when this is no tar archive or
 * ends too early, ERROR_LIMIT_EXCEEDED for more than SOURCE_MEMBERS_MAX members, or of
 * SOURCE_HEADER_BYTES_MAX; ERROR_UNSAFE_ARCHIVE when other programs could find other members.
 */
int source_archive_new(int fd, SourceArchive **ret, Error *error);

/** source_archive_free() - release @archive (may be NULL) */
SourceArchive *source_archive_free(SourceArchive *archive);

/**
 * source_archive_find() - where a file's content is
 * @name:       any spelling of it
 *
 * Follows symbolic links, relative to their directory, and hard links. May be called by several threads at
 * a time.
 *
 * Return: 1; 0 when there is no such member, or a link leads to none; or a negative errno with @error
 * set to ERROR_UNSAFE_ARCHIVE: links that lead out of the archive or to each other, members that are no
 * regular file, and those that are there twice.
 */
int source_archive_find(
        const SourceArchive *archive, const char *name, SourceExtent *ret, Error *error);

DEFINE_CLEANUP(SourceArchive, source_archive_free);
