/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From libarchive's entries to what targets understand. */

#include <archive_entry.h>

#include "base-error.h"
#include "base-idmap.h"
#include "base-limits.h"
#include "unpack-target.h"

#define XATTRS_MAX ((size_t) 256) /* of one entry */

typedef struct UnpackMetaRules {
        const Limits *limits;         /* borrowed */
        const IdMap *uids;            /* borrowed; may be NULL */
        const IdMap *gids;            /* borrowed; may be NULL */
        const IdMap *capability_uids; /* borrowed; whose root they are for; NULL: as the image
                                       * says */
} UnpackMetaRules;

/**
 * unpack_meta_read() - read all but the names of @entry
 *
 * The type is _UNPACK_TYPE_MAX when it is not known, as of hard links.
 *
 * Return: 0; 1 when ACLs were left out since they name users or groups without their ids; or
 * a negative errno with @error set. To be released with unpack_meta_done() in each case.
 */
int unpack_meta_read(
        UnpackMeta *meta, struct archive_entry *entry, const UnpackMetaRules *rules, Error *error);
