/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OpenSSL 3 calls these functions deprecated. They run the same code as its EVP interface, but without setting up providers
 * first: that would cost each worker a millisecond, and reads a configuration that a worker in its sandbox cannot see. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <assert.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "hash.h"

static_assert(
        SHA256_DIGEST_LENGTH <= sizeof(((Digest *) NULL)->bytes) &&
                SHA512_DIGEST_LENGTH <= sizeof(((Digest *) NULL)->bytes),
        "a digest has room");

struct Hash {
        DigestAlgorithm algorithm;
        union {
                SHA256_CTX sha256;
                SHA512_CTX sha512;
        };
};

static int begin(Hash *hash) {
        switch (hash->algorithm) {
        case DIGEST_SHA256:
                return SHA256_Init(&hash->sha256);
        case DIGEST_SHA512:
                return SHA512_Init(&hash->sha512);
        case _DIGEST_ALGORITHM_MAX:
                break;
        }

        abort();
}

int hash_new(DigestAlgorithm algorithm, Hash **ret, Error *error) {
        Hash *hash = malloc(sizeof(*hash));

        if (!hash)
                return error_oom(error);

        *hash = (Hash){ .algorithm = algorithm };
        if (begin(hash) != 1)
                abort();

        *ret = hash;
        return 0;
}

Hash *hash_free(Hash *hash) {
        free(hash);
        return NULL;
}

void hash_update(Hash *hash, const void *data, size_t size) {
        const int r = hash->algorithm == DIGEST_SHA256 ? SHA256_Update(&hash->sha256, data, size)
                                                       : SHA512_Update(&hash->sha512, data, size);

        if (r != 1)
                abort();
}

void hash_final(Hash *hash, Digest *ret) {
        int r;

        *ret = (Digest){ .algorithm = hash->algorithm };
        r = hash->algorithm == DIGEST_SHA256 ? SHA256_Final(ret->bytes, &hash->sha256)
                                             : SHA512_Final(ret->bytes, &hash->sha512);
        if (r != 1)
                abort();
}

int hash_buffer(
        DigestAlgorithm algorithm, const void *data, size_t size, Digest *ret, Error *error) {
        _cleanup_(hash_freep) Hash *hash = NULL;
        int r;

        r = hash_new(algorithm, &hash, error);
        if (r < 0)
                return r;

        hash_update(hash, data, size);
        hash_final(hash, ret);
        return 0;
}
