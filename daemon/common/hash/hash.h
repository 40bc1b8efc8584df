/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Incremental digests: OpenSSL behind a type that uses Digest. Not in base/, so that the daemon itself
 * does not link OpenSSL. */

#include <stddef.h>

#include "base-cleanup.h"
#include "base-digest.h"
#include "base-error.h"

typedef struct Hash Hash;

/** hash_new() - start a digest; *@ret is owned by the caller; returns 0 or -ENOMEM */
int hash_new(DigestAlgorithm algorithm, Hash **ret, Error *error);

/** hash_free() - release @hash */
Hash *hash_free(Hash *hash);

/** hash_update() - add bytes; cannot fail for the algorithms above */
void hash_update(Hash *hash, const void *data, size_t size);

/** hash_final() - the digest of all bytes; @hash can only be freed after this */
void hash_final(Hash *hash, Digest *ret);

/** hash_buffer() - the digest of @size bytes at @data; returns 0 or -ENOMEM */
int hash_buffer(
        DigestAlgorithm algorithm, const void *data, size_t size, Digest *ret, Error *error);

DEFINE_CLEANUP(Hash, hash_free);
