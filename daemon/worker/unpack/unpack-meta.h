/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Converts libarchive's entries to the metadata that targets take. */

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
        const IdMap *capability_uids; /* borrowed; maps their root; NULL: as in the image */
} UnpackMetaRules;

/**
 * unpack_meta_read() - read everything except the names of @entry
 *
 * The type is _UNPACK_TYPE_MAX if it is unknown, as for hard links. Release @meta with
 * unpack_meta_done() in every case.
 *
 * Return: 0, or 1 if ACLs were left out because they name users or groups without ids.
 */
int unpack_meta_read(
        UnpackMeta *meta, struct archive_entry *entry, const UnpackMetaRules *rules, Error *error);
