/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-trust.h"

#include "trust-base64.h"

static bool has_signed(const TrustKey *key, const char *data, const char *signature) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        assert_int_equal(trust_base64_decode(signature, &bytes, &size), 0);
        return trust_key_has_signed(key, data, strlen(data), bytes, size);
}

static const struct {
        const char *kind, *parameter;
} kinds[] = { { "EC", "P-256" }, { "RSA", "2048" }, { "ED25519", "" } };

TEST(signature_is_one_of_its_key_and_its_data_alone) {
        for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
                TestKey *pair = test_key_new(kinds[i].kind, kinds[i].parameter);
                TestKey *other = test_key_new(kinds[i].kind, kinds[i].parameter);
                _cleanup_(trust_key_freep) TrustKey *key = test_key_read(pair);
                _cleanup_(trust_key_freep) TrustKey *other_key = test_key_read(other);
                _cleanup_(freep) char *signature = test_key_sign(pair, "data", 4);

                assert_true(has_signed(key, "data", signature));
                assert_false(has_signed(key, "dat", signature));
                assert_false(has_signed(key, "data", ""));
                assert_false(has_signed(other_key, "data", signature));
                test_key_free(pair);
                test_key_free(other);
        }
}

TEST(signature_by_a_key_of_another_kind_is_none) {
        for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
                const size_t next = (i + 1) % N_ELEMENTS(kinds);
                TestKey *pair = test_key_new(kinds[i].kind, kinds[i].parameter);
                TestKey *other = test_key_new(kinds[next].kind, kinds[next].parameter);
                _cleanup_(trust_key_freep) TrustKey *other_key = test_key_read(other);
                _cleanup_(freep) char *signature = test_key_sign(pair, "data", 4);

                assert_false(has_signed(other_key, "data", signature));
                test_key_free(pair);
                test_key_free(other);
        }
}

TEST(key_is_known_by_the_digest_of_its_der) {
        static const char pem[] =
                "A comment\n"
                "-----BEGIN PUBLIC KEY-----\n"
                "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                "-----END PUBLIC KEY-----\n";
        _cleanup_(trust_key_freep) TrustKey *key = NULL;
        char text[DIGEST_STRING_MAX];

        assert_int_equal(trust_key_parse(pem, strlen(pem), "/k.pem", &key, NULL), 0);
        assert_string_equal(trust_key_origin(key), "/k.pem");
        assert_string_equal(
                digest_format(trust_key_fingerprint(key), text),
                "sha256:06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9");
}

static void parse_fails(const char *pem, const char *part) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        TrustKey *key = NULL;
        int r = trust_key_parse(pem, strlen(pem), "/k.pem", &key, &error);

        assert_failure(r, &error, ERROR_NOT_TRUSTED, part);
        assert_failure(r, &error, ERROR_NOT_TRUSTED, "/k.pem is not a usable key");
        assert_null(key);
}

TEST(what_is_not_one_public_key_is_refused) {
        TestKey *pair = test_key_new("EC", "P-256");
        _cleanup_(freep) char *pem = test_key_pem(pair), *two = NULL;

        assert_true(asprintf(&two, "%s%s", pem, pem) >= 0);
        parse_fails("", "expected one public key in PEM");
        parse_fails("ssh-ed25519 AAAA", "expected one public key in PEM");
        parse_fails(
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "one public key");
        parse_fails(
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "one public key");
        parse_fails(two, "one public key");
        pem[strlen(pem) / 2] = '\0';
        parse_fails(pem, "one public key");
        test_key_free(pair);
}

TEST(key_file_has_a_ceiling) {
        _cleanup_(freep) char *text = malloc(TRUST_KEY_FILE_MAX + 2);

        memset(text, ' ', TRUST_KEY_FILE_MAX + 1);
        text[TRUST_KEY_FILE_MAX + 1] = '\0';
        parse_fails(text, "it is too large");
}

TEST(key_that_is_weak_or_of_an_unknown_kind_is_refused) {
        static const struct {
                const char *kind, *parameter, *part;
        } cases[] = {
                { "RSA", "1024", "an RSA key has 2048 to 16384 bits, not 1024" },
                { "EC", "P-384", "expected ECDSA on the curve P-256, RSA or Ed25519" },
                { "X25519", "", "expected ECDSA on the curve P-256, RSA or Ed25519" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                TestKey *pair = test_key_new(cases[i].kind, cases[i].parameter);
                _cleanup_(freep) char *pem = test_key_pem(pair);

                parse_fails(pem, cases[i].part);
                test_key_free(pair);
        }
}
