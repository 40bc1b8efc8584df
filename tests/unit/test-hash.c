/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <string.h>

#include "hash.h"

/* FIPS 180-2, appendix B.1 and C.1 */
static const char *const abc[_DIGEST_ALGORITHM_MAX] = {
        [DIGEST_SHA256] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        [DIGEST_SHA512] =
                "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};

TEST(known_answers) {
        for (DigestAlgorithm i = 0; i < _DIGEST_ALGORITHM_MAX; i++) {
                char text[DIGEST_STRING_MAX];
                Digest digest;

                assert_int_equal(hash_buffer(i, "abc", 3, &digest, NULL), 0);
                assert_string_equal(digest_format(&digest, text), abc[i]);
        }
}

TEST(pieces_give_the_same_digest_as_the_whole) {
        _cleanup_(hash_freep) Hash *hash = NULL;
        Digest pieces, whole;

        assert_int_equal(hash_new(DIGEST_SHA256, &hash, NULL), 0);
        hash_update(hash, "a", 1);
        hash_update(hash, "", 0);
        hash_update(hash, "bc", 2);
        hash_final(hash, &pieces);
        assert_int_equal(hash_buffer(DIGEST_SHA256, "abc", 3, &whole, NULL), 0);
        assert_true(digest_equal(&pieces, &whole));
}
