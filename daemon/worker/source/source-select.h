/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which of several images is meant. Pure functions. */

#include "oci-docker-archive.h"
#include "oci-index.h"
#include "reference-source.h"

#define SOURCE_LISTED_MAX ((size_t) 20) /* images that a message lists */

/* The entries of an index that are an image; several are the same one for different platforms. */
typedef struct SourceChoice {
        const OciIndexEntry **entries; /* owned; what they point to is borrowed */
        size_t n;                      /* at least 1 */
        bool is_all;                   /* there is no other image in the index */
} SourceChoice;

/** source_choice_done() - release what @choice owns; usable with _cleanup_() */
void source_choice_done(SourceChoice *choice);

/**
 * source_select_layout() - an image of an OCI layout
 * @index:      its index.json
 * @ret:        to be released with source_choice_done(); untouched on failure
 *
 * By @selector's name: the one that has it as its reference, or as the full name that Docker gives.
 * By its index: the entry there. Without both: the only image. Several entries are one image if they
 * have the same name, or all have none, and are for different platforms. Those that cannot be images,
 * such as attestations, do not count; neither does a second entry for the same manifest.
 *
 * Return: 0, or -ENOENT or -EINVAL with @error set to ERROR_INVALID_REFERENCE, which lists what there
 * is.
 */
int source_select_layout(
        const OciIndex *index, const ReferenceSelector *selector, SourceChoice *ret, Error *error);

/**
 * source_select_docker() - an image of a docker archive
 * @ret:        borrowed from @archive; untouched on failure
 *
 * Tags are completed as references are before they are compared. Otherwise as source_select_layout().
 */
int source_select_docker(
        const OciDockerArchive *archive,
        const ReferenceSelector *selector,
        const OciDockerArchiveImage **ret,
        Error *error);
