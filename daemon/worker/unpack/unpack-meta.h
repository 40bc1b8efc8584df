/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From libarchive's entries to what targets understand. */

#include <archive_entry.h>

#include "base-error.h"
#include "base-idmap.h"
#include "base-limits.h"
#include "unpack-target.h"

#define XATTRS_MAX ((size_t) 256) /* of one entry */

/* An entry's meta with what its pointers refer to. Zero it, unpack_entry_meta_init(), unpack_entry_meta_done(). */
typedef struct UnpackEntryMeta {
        UnpackMeta meta;
        UnpackXattr *xattrs; /* owned, and what they hold */
        size_t n_xattrs;
} UnpackEntryMeta;

typedef struct UnpackMetaRules {
        const Limits *limits; /* borrowed */
        const IdMap *uids;    /* borrowed; may be NULL */
        const IdMap *gids;    /* borrowed; may be NULL */
        const IdMap
                *capability_uids; /* borrowed; whose root they are for; NULL: as the image says */
} UnpackMetaRules;

/**
 * unpack_entry_meta_init() - read all but the names of @entry
 *
 * The type is _UNPACK_TYPE_MAX when it is not known, as of hard links.
 *
 * Return: 0; 1 when ACLs were left out since they name users or groups without their ids; or
 * a negative errno with @error set. To be released in each case.
 */
int unpack_entry_meta_init(
        UnpackEntryMeta *entry_meta,
        struct archive_entry *entry,
        const UnpackMetaRules *rules,
        Error *error);

/** unpack_entry_meta_done() - release what @entry_meta owns */
void unpack_entry_meta_done(UnpackEntryMeta *entry_meta);
