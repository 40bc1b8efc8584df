/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-trust.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

struct TestKey {
        EVP_PKEY *key; /* owned */
};

TestKey *test_key_new(const char *kind, const char *parameter) {
        TestKey *key = malloc(sizeof(*key));

        assert_non_null(key);
        if (strcmp(kind, "EC") == 0)
                key->key = EVP_PKEY_Q_keygen(NULL, NULL, kind, parameter);
        else if (strcmp(kind, "RSA") == 0)
                key->key = EVP_PKEY_Q_keygen(NULL, NULL, kind, (size_t) atoi(parameter));
        else
                key->key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
        assert_non_null(key->key);
        return key;
}

void test_key_free(TestKey *key) {
        EVP_PKEY_free(key->key);
        free(key);
}

char *test_key_pem(const TestKey *key) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *data, *text;
        long size;

        assert_int_equal(PEM_write_bio_PUBKEY(bio, key->key), 1);
        size = BIO_get_mem_data(bio, &data);
        text = malloc((size_t) size + 1);
        assert_non_null(text);
        memcpy(text, data, (size_t) size);
        text[size] = '\0';
        BIO_free(bio);
        return text;
}

TrustKey *test_key_read(const TestKey *key) {
        _cleanup_(freep) char *pem = test_key_pem(key);
        TrustKey *read = NULL;

        assert_int_equal(trust_key_parse(pem, strlen(pem), "key.pem", &read, NULL), 0);
        return read;
}

char *test_base64(const void *data, size_t size) {
        char *text = malloc((size + 2) / 3 * 4 + 1);

        assert_non_null(text);
        (void) EVP_EncodeBlock((unsigned char *) text, data, (int) size);
        return text;
}

char *test_key_sign(const TestKey *key, const void *data, size_t size) {
        const EVP_MD *hash = EVP_PKEY_is_a(key->key, "ED25519") ? NULL : EVP_sha256();
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        unsigned char signature[2048];
        size_t length = sizeof(signature);

        assert_int_equal(EVP_DigestSignInit(context, NULL, hash, NULL, key->key), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &length, data, size), 1);
        EVP_MD_CTX_free(context);
        return test_base64(signature, length);
}

/* What asprintf() made, with '"' for each '\''; takes over @made. */
static char *quoted(int length, char *made) {
        char *text;

        assert_true(length >= 0);
        text = json_text(made);
        free(made);
        return text;
}

char *test_statement(const char *subjects) {
        char *made = NULL;
        const int length = asprintf(
                &made,
                "{'_type':'https://in-toto.io/Statement/v1','subject':%s,"
                "'predicateType':'" TEST_SIGN_TYPE "','predicate':{}}",
                subjects);

        return quoted(length, made);
}

char *test_bundle(const TestKey *key, const char *statement) {
        _cleanup_(freep) char *payload = test_base64(statement, strlen(statement));
        _cleanup_(freep) char *message = NULL, *signature = NULL;
        char *made = NULL;
        int length;

        assert_true(
                asprintf(
                        &message, "DSSEv1 28 application/vnd.in-toto+json %zu %s",
                        strlen(statement), statement) >= 0);
        signature = test_key_sign(key, message, strlen(message));
        length = asprintf(
                &made,
                "{'mediaType':'application/vnd.dev.sigstore.bundle.v0.3+json',"
                "'verificationMaterial':{'publicKey':{'hint':'x'}},"
                "'dsseEnvelope':{'payload':'%s','payloadType':'application/vnd.in-toto+json',"
                "'signatures':[{'sig':'%s'}]}}",
                payload, signature);
        return quoted(length, made);
}

char *test_payload(const char *digest, const char *name) {
        char *made = NULL;
        const int length = asprintf(
                &made,
                "{'critical':{'identity':{'docker-reference':'%s'},"
                "'image':{'docker-manifest-digest':'%s'},"
                "'type':'cosign container image signature'},'optional':null}",
                name, digest);

        return quoted(length, made);
}
