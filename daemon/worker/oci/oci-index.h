/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image index (OCI image specification, image-index.md) or a Docker manifest list. */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "oci-descriptor.h"
#include "reference-platform.h"

#define INDEX_ENTRIES_MAX  ((size_t) 1000)
#define INDEX_DEPTH_MAX    4U /* most indexes inside each other that a caller follows */
#define INDEX_REF_NAME_MAX ((size_t) 511)

typedef struct OciIndexEntry {
        OciDescriptor descriptor; /* owned */
        bool has_platform;
        ReferencePlatform platform; /* normalised; empty unless @has_platform */
        bool is_candidate; /* a manifest or an index, as far as the entry says, or without a type;
                            * no attestation or other artifact, and no platform that cannot be
                            * read */
        char *ref_name;    /* owned; the annotation org.opencontainers.image.ref.name, or NULL */
        char *image_name;  /* owned; the annotation io.containerd.image.name, with which containerd
                            * and Docker give the full name, or NULL */
} OciIndexEntry;

typedef struct OciIndex {
        OciIndexEntry *entries; /* owned */
        size_t n_entries;       /* <= INDEX_ENTRIES_MAX; may be 0 */
} OciIndex;

/**
 * oci_index_parse() - read an index
 * @ret:        to be released with oci_index_done(); untouched on failure
 *
 * Entries of a type that is not known are no error: they are kept, but no candidates.
 *
 * Return: 0, or a negative errno with @error set: ERROR_LIMIT_EXCEEDED or ERROR_UNSUPPORTED_IMAGE.
 */
int oci_index_parse(const void *data, size_t size, OciIndex *ret, Error *error);

/** oci_index_done() - release what @index owns; usable with _cleanup_() */
void oci_index_done(OciIndex *index);

/**
 * oci_index_select() - the entry that suits @platform best
 * @platform:   normalised
 * @ret:        borrowed from @index; untouched on failure
 *
 * By reference_platform_rank(); the first one of equals. An entry without a platform ranks last.
 * Only entries with @is_candidate count, so no attestation ("unknown/unknown") does. When what is
 * selected is an index again, the caller selects from that one too, INDEX_DEPTH_MAX deep at most.
 *
 * Return: 0, or -ENOENT with @error set to ERROR_NO_MATCHING_PLATFORM, which lists what there is.
 */
int oci_index_select(
        const OciIndex *index,
        const ReferencePlatform *platform,
        const OciIndexEntry **ret,
        Error *error);
