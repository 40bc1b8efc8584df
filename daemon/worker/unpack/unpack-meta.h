/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From libarchive's entries to what targets understand. */

#include <archive_entry.h>

#include "base-error.h"
#include "base-idmap.h"
#include "base-limits.h"
#include "unpack-target.h"

#define XATTRS_MAX ((size_t) 256) /* of one entry */

/* An entry's meta with what its pointers refer to. Zero it, meta_init(), meta_done(). */
typedef struct EntryMeta {
        UnpackMeta meta;
        UnpackXattr *xattrs; /* owned, and what they hold */
        size_t n_xattrs;
} EntryMeta;

typedef struct MetaRules {
        const Limits *limits; /* borrowed */
        const IdMap *uids;    /* borrowed; may be NULL */
        const IdMap *gids;    /* borrowed; may be NULL */
        const IdMap
                *capability_uids; /* borrowed; whose root they are for; NULL: as the image says */
} MetaRules;

/**
 * meta_init() - read all but the names of @entry
 *
 * The type is _UNPACK_TYPE_MAX when it is not known, as of hard links.
 *
 * Return: 0; 1 when ACLs were left out since they name users or groups without their ids; or
 * a negative errno with @error set. To be released in each case.
 */
int meta_init(
        EntryMeta *entry_meta, struct archive_entry *entry, const MetaRules *rules, Error *error);

/** meta_done() - release what @entry_meta owns */
void meta_done(EntryMeta *entry_meta);
