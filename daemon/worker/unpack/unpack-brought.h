/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a layer brought, so that its whiteouts leave that alone, whichever comes first: a set of
 * names in directories. Directories are known by their inode, so it does not matter by which links
 * a path went. At most 16 MiB of memory: what is more goes to a file, sorted.
 *
 * Only 64-bit hashes are kept, with a random key: of ten million names and a million
 * questions, one in a million sets gives one wrong "yes".
 */

#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

typedef struct UnpackBrought UnpackBrought;

/**
 * unpack_brought_new() - an empty set
 * @scratch:    makes the file when one is needed; returns a descriptor, which the set owns then, or
 * -errno with @error set
 */
int unpack_brought_new(
        int (*scratch)(void *userdata, Error *error),
        void *userdata,
        UnpackBrought **ret,
        Error *error);

/** unpack_brought_free() - release @brought (may be NULL) */
UnpackBrought *unpack_brought_free(UnpackBrought *brought);

/** unpack_brought_clear() - make it empty, for the next layer */
void unpack_brought_clear(UnpackBrought *brought);

/** unpack_brought_add() - add the name @name in the directory @inode; returns 0 or -errno with @error set
 */
int unpack_brought_add(UnpackBrought *brought, uint64_t inode, const char *name, Error *error);

/** unpack_brought_has() - returns 1 when the name is there, 0 when not, or -errno with @error set */
int unpack_brought_has(UnpackBrought *brought, uint64_t inode, const char *name, Error *error);

DEFINE_CLEANUP(UnpackBrought, unpack_brought_free);
