/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "trust-key.h"

#define PEM_BEGIN "-----BEGIN "

struct TrustKey {
        EVP_PKEY *key; /* owned */
        Digest fingerprint;
        char *origin; /* owned */
};

static void pkey_freep(EVP_PKEY **key) {
        EVP_PKEY_free(*key);
}

static void bio_freep(BIO **bio) {
        BIO_free(*bio);
}

static void context_freep(EVP_MD_CTX **context) {
        EVP_MD_CTX_free(*context);
}

/* Nobody is asked for the passphrase of something that is not a public key anyway. */
static int no_passphrase(char *buffer, int size, int is_writing, void *userdata) {
        return -1;
}

static int refuse(const char *origin, const char *why, Error *error) {
        return error_set(
                error, EINVAL, ERROR_NOT_TRUSTED, "%s is not a usable key: %s", origin, why);
}

/* Text before and after a key is allowed, as everywhere, but not a second one: which of them counts? */
static bool has_one_block(const char *pem, size_t size) {
        const char *first = memmem(pem, size, PEM_BEGIN, strlen(PEM_BEGIN));
        const char *rest;

        if (!first)
                return false;

        rest = first + strlen(PEM_BEGIN);
        return !memmem(rest, size - (size_t) (rest - pem), PEM_BEGIN, strlen(PEM_BEGIN));
}

static int check_kind(EVP_PKEY *key, const char *origin, Error *error) {
        const int bits = EVP_PKEY_get_bits(key);
        char group[80] = "";

        if (EVP_PKEY_is_a(key, "ED25519"))
                return 0;
        if (EVP_PKEY_is_a(key, "RSA"))
                return bits >= TRUST_RSA_BITS_MIN && bits <= TRUST_RSA_BITS_MAX
                               ? 0
                               : error_set(
                                         error, EINVAL, ERROR_NOT_TRUSTED,
                                         "%s is not a usable key: an RSA key has %d to %d bits, not %d",
                                         origin, TRUST_RSA_BITS_MIN, TRUST_RSA_BITS_MAX, bits);
        if (EVP_PKEY_is_a(key, "EC") &&
            EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
            strcmp(group, "prime256v1") == 0)
                return 0;
        return refuse(origin, "expected ECDSA on the curve P-256, RSA or Ed25519", error);
}

static int find_fingerprint(EVP_PKEY *key, Digest *ret, Error *error) {
        unsigned char *der = NULL;
        int size = i2d_PUBKEY(key, &der), done = 0;

        *ret = (Digest){ .algorithm = DIGEST_SHA256 };
        if (size > 0)
                done = EVP_Digest(der, (size_t) size, ret->bytes, NULL, EVP_sha256(), NULL);
        OPENSSL_free(der);
        return done == 1 ? 0 : error_oom(error);
}

int trust_key_parse(
        const char *pem, size_t size, const char *origin, TrustKey **ret, Error *error) {
        _cleanup_(pkey_freep) EVP_PKEY *pkey = NULL;
        _cleanup_(bio_freep) BIO *bio = NULL;
        _cleanup_(trust_key_freep) TrustKey *key = NULL;
        int r;

        if (size > TRUST_KEY_FILE_MAX)
                return refuse(origin, "it is too large", error);
        if (!has_one_block(pem, size))
                return refuse(origin, "expected one public key in PEM", error);

        bio = BIO_new_mem_buf(pem, (int) size);
        if (!bio)
                return error_oom(error);

        pkey = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
        if (!pkey)
                return refuse(origin, "expected one public key in PEM", error);
        r = check_kind(pkey, origin, error);
        if (r < 0)
                return r;

        key = calloc(1, sizeof(*key));
        if (!key)
                return error_oom(error);

        key->origin = strdup(origin);
        if (!key->origin)
                return error_oom(error);
        r = find_fingerprint(pkey, &key->fingerprint, error);
        if (r < 0)
                return r;

        key->key = TAKE_PTR(pkey);
        *ret = TAKE_PTR(key);
        return 0;
}

TrustKey *trust_key_free(TrustKey *key) {
        if (!key)
                return NULL;

        EVP_PKEY_free(key->key);
        free(key->origin);
        free(key);
        return NULL;
}

const Digest *trust_key_fingerprint(const TrustKey *key) {
        return &key->fingerprint;
}

const char *trust_key_origin(const TrustKey *key) {
        return key->origin;
}

bool trust_key_has_signed(
        const TrustKey *key,
        const void *data,
        size_t size,
        const void *signature,
        size_t signature_size) {
        _cleanup_(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        /* Ed25519 hashes by itself. PKCS #1 v1.5 is what RSA keys do unless told otherwise. */
        const EVP_MD *hash = EVP_PKEY_is_a(key->key, "ED25519") ? NULL : EVP_sha256();

        return context && EVP_DigestVerifyInit(context, NULL, hash, NULL, key->key) == 1 &&
               EVP_DigestVerify(context, signature, signature_size, data, size) == 1;
}
