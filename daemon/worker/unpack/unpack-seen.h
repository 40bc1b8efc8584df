/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The names that a layer gave, so that its whiteouts leave them alone, whichever comes first: a set of
 * names in directories. Directories are known by their inode, so it does not matter by which links a
 * path went.
 *
 * Only 64-bit hashes are kept, with a random key: of ten million names and a million questions, one in
 * a million sets gives one wrong "yes".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

/* Names of one layer at most: two for each of ten million entries have room. It takes 256 MiB of memory
 * then, and 128 MiB more while it grows. */
#define UNPACK_SEEN_MAX ((size_t) 3 << 23)

typedef struct UnpackSeen UnpackSeen;

/**
 * unpack_seen_new() - an empty set
 * @names_max:  how many names it takes: UNPACK_SEEN_MAX, or less in tests
 *
 * Return: 0 or a negative errno with @error set.
 */
int unpack_seen_new(size_t names_max, UnpackSeen **ret, Error *error);

/** unpack_seen_free() - release @seen (may be NULL) */
UnpackSeen *unpack_seen_free(UnpackSeen *seen);

/** unpack_seen_clear() - make it empty, for the next layer */
void unpack_seen_clear(UnpackSeen *seen);

/** unpack_seen_add() - add the name @name in the directory @inode; returns 0 or -errno with @error set:
 * ERROR_LIMIT_EXCEEDED when there are @names_max others */
int unpack_seen_add(UnpackSeen *seen, uint64_t inode, const char *name, Error *error);

/** unpack_seen_has() - whether the name was added */
bool unpack_seen_has(const UnpackSeen *seen, uint64_t inode, const char *name);

DEFINE_CLEANUP(UnpackSeen, unpack_seen_free);
