/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tags of a repository (OCI distribution-spec, "Listing Tags"), which a registry sends in pages. */

#include <stddef.h>

#include "base-cleanup.h"
#include "base-error.h"

#define OCI_TAGS_MAX ((size_t) 100000) /* of one repository */

typedef struct OciTags OciTags;

/** oci_tags_new() - an empty list; NULL when out of memory */
OciTags *oci_tags_new(void);

/** oci_tags_free() - release @tags (may be NULL) */
OciTags *oci_tags_free(OciTags *tags);

DEFINE_CLEANUP(OciTags, oci_tags_free);

/**
 * oci_tags_add_page() - add a page; a tag that was on an earlier one stays where it is
 *
 * Return: 0, or a negative errno with @error set: ERROR_REGISTRY_ERROR if the page is no list of tags, or names one that
 * cannot be a tag; ERROR_LIMIT_EXCEEDED for more than OCI_TAGS_MAX in total.
 */
int oci_tags_add_page(OciTags *tags, const void *data, size_t size, Error *error);

/** oci_tags_count() - how many there are */
size_t oci_tags_count(const OciTags *tags);

/** oci_tags_next() - the tag after @tag (NULL: the first), in the order of the pages; NULL at the end; borrowed */
const char *oci_tags_next(OciTags *tags, const char *tag);
