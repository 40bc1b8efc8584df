/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base-digest.h"

static const struct {
        const char *name;
        size_t size; /* bytes */
} algorithms[_DIGEST_ALGORITHM_MAX] = {
        [DIGEST_SHA256] = { "sha256", 32 },
        [DIGEST_SHA512] = { "sha512", 64 },
};

size_t digest_algorithm_size(DigestAlgorithm algorithm) {
        assert(algorithm < _DIGEST_ALGORITHM_MAX);
        return algorithms[algorithm].size;
}

const char *digest_algorithm_to_string(DigestAlgorithm algorithm) {
        assert(algorithm < _DIGEST_ALGORITHM_MAX);
        return algorithms[algorithm].name;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -EINVAL;
}

static int parse_algorithm(const char *text, size_t length, DigestAlgorithm *ret) {
        for (DigestAlgorithm i = 0; i < _DIGEST_ALGORITHM_MAX; i++)
                if (strlen(algorithms[i].name) == length &&
                    memcmp(algorithms[i].name, text, length) == 0) {
                        *ret = i;
                        return 0;
                }

        return -EPROTONOSUPPORT;
}

int digest_parse(const char *text, Digest *ret) {
        Digest digest = { 0 };
        const char *colon;
        size_t size;
        int r;

        colon = strchr(text, ':');
        if (!colon || colon == text)
                return -EINVAL;

        r = parse_algorithm(text, (size_t) (colon - text), &digest.algorithm);
        if (r < 0)
                return r;

        size = digest_algorithm_size(digest.algorithm);
        text = colon + 1;
        if (strlen(text) != 2 * size)
                return -EINVAL;

        for (size_t i = 0; i < size; i++) {
                int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EINVAL;

                digest.bytes[i] = (uint8_t) (high << 4 | low);
        }

        *ret = digest;
        return 0;
}

char *digest_format_hex(const Digest *digest, char ret[static DIGEST_HEX_MAX]) {
        static const char digits[] = "0123456789abcdef";
        char *p = ret;

        for (size_t i = 0; i < digest_algorithm_size(digest->algorithm); i++) {
                *p++ = digits[digest->bytes[i] >> 4];
                *p++ = digits[digest->bytes[i] & 0xf];
        }

        *p = '\0';
        return ret;
}

char *digest_format(const Digest *digest, char ret[static DIGEST_STRING_MAX]) {
        char *p = stpcpy(ret, digest_algorithm_to_string(digest->algorithm));

        *p++ = ':';
        digest_format_hex(digest, p);
        return ret;
}

bool digest_is_valid(const Digest *digest) {
        if (digest->algorithm >= _DIGEST_ALGORITHM_MAX)
                return false;

        for (size_t i = digest_algorithm_size(digest->algorithm); i < DIGEST_BYTES_MAX; i++)
                if (digest->bytes[i] != 0)
                        return false;

        return true;
}

bool digest_equal(const Digest *a, const Digest *b) {
        return a->algorithm == b->algorithm && memcmp(a->bytes, b->bytes, DIGEST_BYTES_MAX) == 0;
}
