/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which of several images is meant. Pure functions. */

#include "oci-docker-archive.h"
#include "oci-index.h"
#include "oci-source.h"

#define SOURCE_LISTED_MAX ((size_t) 20) /* images that a message lists */

/**
 * source_select_layout() - an image of an OCI layout
 * @index:      its index.json
 * @ret:        borrowed from @index, NULL when it is all of @index; untouched on failure
 *
 * By @selector's name: the one that has it as its reference, or as the full name that Docker gives.
 * By its index: the entry there. Without both: the only image; or the index as a whole, if its images
 * have no names and are for different platforms. Entries that cannot be images, such as attestations,
 * do not count; neither do two entries for the same manifest.
 *
 * Return: 0, or -ENOENT or -EINVAL with @error set to ERROR_INVALID_REFERENCE, which lists what there
 * is.
 */
int source_select_layout(
        const Index *index, const SourceSelector *selector, const IndexEntry **ret, Error *error);

/**
 * source_select_docker() - an image of a docker archive
 * @ret:        borrowed from @archive; untouched on failure
 *
 * Tags are completed as references are before they are compared. Otherwise as source_select_layout().
 */
int source_select_docker(
        const DockerArchive *archive,
        const SourceSelector *selector,
        const DockerArchiveImage **ret,
        Error *error);
