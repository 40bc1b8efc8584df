/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "hash.h"

struct Hash {
        EVP_MD_CTX *context; /* owned */
        DigestAlgorithm algorithm;
};

static const EVP_MD *algorithm_md(DigestAlgorithm algorithm) {
        switch (algorithm) {
        case DIGEST_SHA256:
                return EVP_sha256();
        case DIGEST_SHA512:
                return EVP_sha512();
        case _DIGEST_ALGORITHM_MAX:
                break;
        }

        abort();
}

int hash_new(DigestAlgorithm algorithm, Hash **ret, Error *error) {
        _cleanup_(hash_freep) Hash *hash = NULL;

        hash = malloc(sizeof(*hash));
        if (!hash)
                return error_oom(error);

        *hash = (Hash){ .context = EVP_MD_CTX_new(), .algorithm = algorithm };
        if (!hash->context || EVP_DigestInit_ex(hash->context, algorithm_md(algorithm), NULL) != 1)
                return error_oom(error);

        *ret = TAKE_PTR(hash);
        return 0;
}

Hash *hash_free(Hash *hash) {
        if (!hash)
                return NULL;

        EVP_MD_CTX_free(hash->context);
        free(hash);
        return NULL;
}

void hash_update(Hash *hash, const void *data, size_t size) {
        if (EVP_DigestUpdate(hash->context, data, size) != 1)
                abort();
}

void hash_final(Hash *hash, Digest *ret) {
        *ret = (Digest){ .algorithm = hash->algorithm };
        if (EVP_DigestFinal_ex(hash->context, ret->bytes, NULL) != 1)
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
