/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base-digest.h"

#define HEX_64 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

TEST(both_algorithms_survive_a_round_trip) {
        static const char *const texts[] = { "sha256:" HEX_64, "sha512:" HEX_64 HEX_64 };

        for (size_t i = 0; i < 2; i++) {
                char text[DIGEST_STRING_MAX], hex[DIGEST_HEX_MAX];
                Digest digest;

                assert_int_equal(digest_parse(texts[i], &digest), 0);
                assert_string_equal(digest_format(&digest, text), texts[i]);
                assert_string_equal(digest_format_hex(&digest, hex), texts[i] + strlen("sha256:"));
                assert_true(digest_is_valid(&digest));
        }
}

TEST(malformed_text_is_refused_and_leaves_the_result_alone) {
        static const char *const texts[] = {
                "",
                ":",
                "sha256",
                "sha256:",
                ":" HEX_64,
                "sha256:" HEX_64 "0",
                "sha256: " HEX_64,
                "sha256:2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824",
                "sha256:../../../../../../../../../../../../../../../../../../../../etc/passwd",
                "sha512:" HEX_64,
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                Digest digest = { .algorithm = DIGEST_SHA512, .bytes = { 1 } };

                assert_int_equal(digest_parse(texts[i], &digest), -EINVAL);
                assert_int_equal(digest.bytes[0], 1);
        }
}

TEST(unknown_algorithm_is_told_from_nonsense) {
        Digest digest;

        assert_int_equal(digest_parse("md5:" HEX_64, &digest), -EPROTONOSUPPORT);
        assert_int_equal(digest_parse("SHA256:" HEX_64, &digest), -EPROTONOSUPPORT);
}

TEST(digest_from_outside_is_valid_only_with_zero_padding) {
        Digest digest = { .algorithm = DIGEST_SHA256 };

        assert_true(digest_is_valid(&digest));
        digest.bytes[DIGEST_BYTES_MAX - 1] = 1;
        assert_false(digest_is_valid(&digest));
        digest.algorithm = DIGEST_SHA512;
        assert_true(digest_is_valid(&digest));
        digest.algorithm = _DIGEST_ALGORITHM_MAX;
        assert_false(digest_is_valid(&digest));
}
