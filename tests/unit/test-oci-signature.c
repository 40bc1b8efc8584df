/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "oci-document.h"
#include "oci-signature.h"

#define PAYLOAD_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define BUNDLE_TYPE  "application/vnd.dev.sigstore.bundle.v0.3+json"

#define ENTRY(type, digest, more) "{'mediaType':'" type "','digest':'" digest "','size':7" more "}"
#define SIGNATURE(text)           ",'annotations':{'dev.cosignproject.cosign/signature':'" text "'}"
#define BUNDLE(more)              ENTRY("x/y", SHA_B, ",'artifactType':'" BUNDLE_TYPE "'" more)
#define PREDICATE(type)           ",'annotations':{'dev.sigstore.bundle.predicateType':'" type "'}"

typedef int (*Parse)(const void *data, size_t size, OciSignatures *ret, Error *error);

static int parse(
        Parse function, const char *key, const char *entries, OciSignatures *ret, Error *error) {
        _cleanup_(freep) char *before = NULL, *json = NULL;

        assert_true(asprintf(&before, "{'%s':[", key) >= 0);
        json = json_repeat(before, entries, 1, "]}");
        return function(json, strlen(json), ret, error);
}

static int parse_attached(const char *entries, OciSignatures *ret, Error *error) {
        return parse(oci_signatures_parse_attached, "layers", entries, ret, error);
}

static int parse_referrers(const char *entries, OciSignatures *ret, Error *error) {
        return parse(oci_signatures_parse_referrers, "manifests", entries, ret, error);
}

TEST(attached_signatures_are_the_payloads_with_their_annotations) {
        _cleanup_(oci_signatures_done) OciSignatures signatures = { 0 };
        char digest[DIGEST_STRING_MAX];

        assert_int_equal(
                parse_attached(
                        ENTRY(PAYLOAD_TYPE, SHA_A, SIGNATURE("Zm9v")) "," ENTRY(
                                "x/y", SHA_B, "") "," ENTRY(PAYLOAD_TYPE, SHA_C, ""),
                        &signatures, NULL),
                0);
        assert_int_equal(signatures.n, 2);
        assert_string_equal(digest_format(&signatures.all[0].digest, digest), SHA_A);
        assert_int_equal(signatures.all[0].size, 7);
        assert_string_equal(signatures.all[0].text, "Zm9v");
        assert_string_equal(digest_format(&signatures.all[1].digest, digest), SHA_C);
        assert_null(signatures.all[1].text);
}

TEST(referrers_are_bundles_that_may_be_signatures) {
        static const struct {
                const char *entry;
                size_t n;
        } cases[] = {
                { BUNDLE(""), 1 },
                { BUNDLE(PREDICATE("https://sigstore.dev/cosign/sign/v1")), 1 },
                { BUNDLE(PREDICATE("https://slsa.dev/provenance/v1")), 0 },
                { ENTRY("x/y", SHA_B, ",'artifactType':'x/y'"), 0 },
                { ENTRY(BUNDLE_TYPE, SHA_B, ""), 0 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(oci_signatures_done) OciSignatures signatures = { 0 };

                assert_int_equal(parse_referrers(cases[i].entry, &signatures, NULL), 0);
                assert_int_equal(signatures.n, cases[i].n);
        }
}

TEST(more_signatures_than_the_ceiling_are_refused) {
        _cleanup_(freep) char *most = json_repeat(
                "{'layers':[", ENTRY(PAYLOAD_TYPE, SHA_A, ""), OCI_SIGNATURES_MAX, "]}");
        _cleanup_(freep) char *more = json_repeat(
                "{'layers':[", ENTRY(PAYLOAD_TYPE, SHA_A, ""), OCI_SIGNATURES_MAX + 1, "]}");
        _cleanup_(freep) char *others =
                json_repeat("{'layers':[", ENTRY("x/y", SHA_A, ""), 1000, "]}");
        _cleanup_(freep) char *many = json_repeat("{'layers':[", "{}", 100000, "]}");
        _cleanup_(oci_signatures_done) OciSignatures signatures = { 0 }, none = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL, other_error = ERROR_NULL;
        OciSignatures rest = { 0 };

        assert_int_equal(oci_signatures_parse_attached(most, strlen(most), &signatures, NULL), 0);
        assert_int_equal(signatures.n, OCI_SIGNATURES_MAX);
        assert_int_equal(oci_signatures_parse_attached(others, strlen(others), &none, NULL), 0);
        assert_int_equal(none.n, 0);
        assert_failure(
                oci_signatures_parse_attached(more, strlen(more), &rest, &error), &error,
                ERROR_LIMIT_EXCEEDED, "The image has more than 64 signatures");
        assert_failure(
                oci_signatures_parse_attached(many, strlen(many), &rest, &other_error),
                &other_error, ERROR_LIMIT_EXCEEDED, "has more than 200000 values");
        assert_null(rest.all);
}

TEST(bundle_is_the_one_layer_of_its_manifest) {
        static const struct {
                const char *layers, *part; /* NULL: accepted */
        } cases[] = {
                { ENTRY(BUNDLE_TYPE, SHA_A, ""), NULL },
                { "", "has 0 layers, not 1" },
                { ENTRY(BUNDLE_TYPE, SHA_A, "") "," ENTRY(BUNDLE_TYPE, SHA_A, ""),
                  "has 2 layers, not 1" },
                { ENTRY("x/y", SHA_A, ""), "has the type 'x/y', not '" BUNDLE_TYPE "'" },
                { "{'mediaType':'" BUNDLE_TYPE "','digest':'x','size':1}", "is malformed" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) char *json = json_repeat("{'layers':[", cases[i].layers, 1, "]}");
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciSignature bundle;
                int r = oci_signatures_parse_bundle(json, strlen(json), &bundle, &error);

                if (cases[i].part)
                        assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, cases[i].part);
                else
                        assert_int_equal(r, 0);
        }
}

TEST(document_without_a_list_is_refused) {
        _cleanup_(error_clear) Error e1 = ERROR_NULL, e2 = ERROR_NULL, e3 = ERROR_NULL;
        OciSignatures rest = { 0 };

        assert_failure(
                oci_signatures_parse_attached("{}", 2, &rest, &e1), &e1, ERROR_UNSUPPORTED_IMAGE,
                "The manifest of signatures has no 'layers'");
        assert_failure(
                oci_signatures_parse_referrers("{}", 2, &rest, &e2), &e2, ERROR_UNSUPPORTED_IMAGE,
                "The list of referrers has no 'manifests'");
        assert_failure(
                oci_signatures_parse_attached("x", 1, &rest, &e3), &e3, ERROR_UNSUPPORTED_IMAGE,
                "not valid JSON");
}
