/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A set of the names that a layer has brought, which its own whiteouts must not remove, whatever the
 * order. Directories are identified by their inode, so that links in a path make no difference.
 *
 * Only 64-bit hashes are stored, with a random key: with ten million names and a million queries, one
 * set in a million gives one wrong "yes".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

/* Names of one layer, at most: room for two for each of ten million entries. The set then takes 256 MiB
 * of memory, and 128 MiB more while it grows. */
#define UNPACK_SEEN_MAX ((size_t) 3 << 23)

typedef struct UnpackSeen UnpackSeen;

/**
 * unpack_seen_new() - an empty set
 * @names_max:  capacity: UNPACK_SEEN_MAX, or less in tests
 */
int unpack_seen_new(size_t names_max, UnpackSeen **ret, Error *error);

/** unpack_seen_free() - release @seen */
UnpackSeen *unpack_seen_free(UnpackSeen *seen);

/** unpack_seen_clear() - make it empty, for the next layer */
void unpack_seen_clear(UnpackSeen *seen);

/** unpack_seen_add() - add @name in the directory @inode; ERROR_LIMIT_EXCEEDED beyond @names_max */
int unpack_seen_add(UnpackSeen *seen, uint64_t inode, const char *name, Error *error);

/** unpack_seen_has() - whether the name was added */
bool unpack_seen_has(const UnpackSeen *seen, uint64_t inode, const char *name);

DEFINE_CLEANUP(UnpackSeen, unpack_seen_free);
