/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-trust.h"

#include "trust-payload.h"

#define IDENTITY "'identity':{'docker-reference':'a/b'}"
#define IMAGE    "'image':{'docker-manifest-digest':'" SHA_A "'}"
#define TYPE     "'type':'cosign container image signature'"

static int parse(const char *text, TrustClaim *ret, Error *error) {
        _cleanup_(freep) char *json = json_text(text);

        return trust_payload_parse(json, strlen(json), ret, error);
}

TEST(payload_names_image_and_digest) {
        static const char *const texts[] = {
                "{'critical':{" IDENTITY "," IMAGE "," TYPE "},'optional':{'creator':'x','a':[1]}}",
                "{'critical':{" IDENTITY "," IMAGE "," TYPE "},'optional':null}",
                "{'critical':{" TYPE "," IMAGE "," IDENTITY "}}",
        };
        char digest[DIGEST_STRING_MAX];

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                TrustClaim claim;

                assert_int_equal(parse(texts[i], &claim, NULL), 0);
                assert_string_equal(digest_format(&claim.digest, digest), SHA_A);
                assert_string_equal(claim.identity, "a/b");
        }
}

TEST(payload_with_more_or_less_is_refused) {
        static const struct {
                const char *text, *part;
        } cases[] = {
                { "x", "The signed payload is not valid JSON" },
                { "[]", "The signed payload is not a JSON object" },
                { "{}", "'critical' in the signed payload is missing" },
                { "{'critical':{" IDENTITY "," IMAGE "," TYPE "},'x':1}", "unknown key 'x'" },
                { "{'critical':{" IDENTITY "," IMAGE "," TYPE ",'x':1}}", "unknown key 'x'" },
                { "{'critical':{" IDENTITY "," IMAGE "," TYPE "," TYPE "}}", "duplicate" },
                { "{'critical':{" IDENTITY "," IMAGE "}}",
                  "'type' in the signed payload is missing" },
                { "{'critical':{" IDENTITY "," TYPE "}}",
                  "'image' in the signed payload is missing" },
                { "{'critical':{" IMAGE "," TYPE "}}",
                  "'identity' in the signed payload is missing" },
                { "{'critical':{" IDENTITY "," IMAGE ",'type':'atomic container signature'}}",
                  "its payload has the type 'atomic container signature', not 'cosign" },
                { "{'critical':{" IDENTITY "," TYPE
                  ",'image':{'docker-manifest-digest':'sha256:x'}}}",
                  "it is of 'sha256:x', which is not a digest" },
                { "{'critical':{" IMAGE "," TYPE ",'identity':{'docker-reference':''}}}",
                  "it is for '', which is not a reference" },
                { "{'critical':{" IMAGE "," TYPE ",'identity':{'docker-reference':'a','x':1}}}",
                  "unknown key 'x'" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                TrustClaim claim = { .identity = "kept" };
                int r = parse(cases[i].text, &claim, &error);

                assert_failure(r, &error, ERROR_NOT_TRUSTED, cases[i].part);
                assert_string_equal(claim.identity, "kept");
        }
}
