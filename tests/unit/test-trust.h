/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keys and signatures in the tests of trust/, made here by OpenSSL. */

#include "test-oci.h"

#include "trust-key.h"

/* A pair of keys. */
typedef struct TestKey TestKey;

/* @kind: "EC" with the name of a curve, "RSA" with a number of bits, or "ED25519" with "". */
TestKey *test_key_new(const char *kind, const char *parameter);
void test_key_free(TestKey *key);

/* The public half: as PEM, and as read; both are the caller's. */
char *test_key_pem(const TestKey *key);
TrustKey *test_key_read(const TestKey *key);

/* @size bytes at @data signed, and as base64; owned by the caller. */
char *test_key_sign(const TestKey *key, const void *data, size_t size);

/* Base64; owned by the caller. */
char *test_base64(const void *data, size_t size);

#define TEST_SIGN_TYPE "https://sigstore.dev/cosign/sign/v1"

/* A statement about @subjects (JSON with ') of the type TEST_SIGN_TYPE; owned by the caller. */
char *test_statement(const char *subjects);

/* A bundle with @statement, signed by @key; owned by the caller. */
char *test_bundle(const TestKey *key, const char *statement);

/* A payload of simple signing; owned by the caller. */
char *test_payload(const char *digest, const char *name);
