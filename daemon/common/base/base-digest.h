/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The digest grammar of the OCI image specification (descriptor.md, "Digests"), as far as used. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DigestAlgorithm {
        DIGEST_SHA256,
        DIGEST_SHA512,
        _DIGEST_ALGORITHM_MAX,
} DigestAlgorithm;

#define DIGEST_BYTES_MAX  ((size_t) 64)
#define DIGEST_HEX_MAX    (2 * DIGEST_BYTES_MAX + 1) /* with the NUL */
#define DIGEST_STRING_MAX (sizeof("sha512:") + 2 * DIGEST_BYTES_MAX)

/* Not a secret. Zero beyond the algorithm's size, so two can be compared as a whole. */
typedef struct Digest {
        DigestAlgorithm algorithm;
        uint8_t bytes[DIGEST_BYTES_MAX];
} Digest;

/** digest_algorithm_size() - bytes of a digest: 32 or 64 */
size_t digest_algorithm_size(DigestAlgorithm algorithm);

/** digest_algorithm_to_string() - "sha256" or "sha512" */
const char *digest_algorithm_to_string(DigestAlgorithm algorithm);

/**
 * digest_parse() - read "sha256:" or "sha512:" and lower-case hex digits
 *
 * Return: 0, -EPROTONOSUPPORT for another algorithm, -EINVAL otherwise.
 */
int digest_parse(const char *text, Digest *ret);

/** digest_format() - write the text form into @ret, NUL-terminated; returns @ret */
char *digest_format(const Digest *digest, char ret[static DIGEST_STRING_MAX]);

/** digest_format_hex() - as digest_format(), without the algorithm */
char *digest_format_hex(const Digest *digest, char ret[static DIGEST_HEX_MAX]);

/** digest_is_valid() - whether a digest from outside the process is safe to use */
bool digest_is_valid(const Digest *digest);

/** digest_equal() - whether both are the same digest */
bool digest_equal(const Digest *a, const Digest *b);
