/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Public keys, and signatures by them, as cosign makes them: ECDSA on P-256 over SHA-256, RSA (PKCS #1 v1.5) over
 * SHA-256, and Ed25519. The only user of OpenSSL here.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-cleanup.h"
#include "base-digest.h"
#include "base-error.h"

#define TRUST_KEY_FILE_MAX ((size_t) 64 << 10) /* bytes of a key in PEM */
#define TRUST_RSA_BITS_MIN 2048
#define TRUST_RSA_BITS_MAX 16384

typedef struct TrustKey TrustKey;

/**
 * trust_key_parse() - read one public key in PEM ("BEGIN PUBLIC KEY")
 * @origin:     where it comes from, for messages; copied
 * @ret:        owned by the caller
 *
 * ERROR_NOT_TRUSTED if it is not exactly one key of those kinds.
 */
int trust_key_parse(const char *pem, size_t size, const char *origin, TrustKey **ret, Error *error);

/** trust_key_free() - release @key */
TrustKey *trust_key_free(TrustKey *key);

/** trust_key_fingerprint() - the SHA-256 of its SubjectPublicKeyInfo (DER) */
const Digest *trust_key_fingerprint(const TrustKey *key);

/** trust_key_origin() - as given to trust_key_parse() */
const char *trust_key_origin(const TrustKey *key);

/** trust_key_has_signed() - whether @signature is one of @data by @key */
bool trust_key_has_signed(
        const TrustKey *key,
        const void *data,
        size_t size,
        const void *signature,
        size_t signature_size);

DEFINE_CLEANUP(TrustKey, trust_key_free);
