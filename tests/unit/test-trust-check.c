/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-trust.h"

#include "trust-check.h"

/* What a rule demands for reg.example/a/b:1, which is SHA_A, by one key. */
typedef struct Fixture {
        TestKey *pair, *other;
        TrustKey *keys[2];
        TrustIdentity identity;
        Reference image;
        TrustDemand demand;
} Fixture;

static void init(Fixture *f) {
        *f = (Fixture){
                .pair = test_key_new("EC", "P-256"),
                .other = test_key_new("EC", "P-256"),
                .identity.kind = TRUST_MATCH_REPOSITORY,
        };
        f->keys[0] = test_key_read(f->pair);
        assert_int_equal(reference_parse("reg.example/a/b:1", &f->image, NULL), 0);
        f->demand = (TrustDemand){
                .keys = f->keys,
                .n_keys = 1,
                .identity = &f->identity,
                .image = &f->image,
        };
        assert_int_equal(digest_parse(SHA_A, &f->demand.digest), 0);
}

static void done(Fixture *f) {
        trust_key_free(f->keys[0]);
        trust_key_free(f->keys[1]);
        test_key_free(f->pair);
        test_key_free(f->other);
}

static int check_attached(
        Fixture *f,
        const char *payload,
        const char *signature,
        TrustAcceptance *ret,
        Error *error) {
        const TrustSignature what = { TRUST_FORM_ATTACHED, signature, payload, strlen(payload) };

        return trust_check(&f->demand, &what, ret, error);
}

static int check_bundle(Fixture *f, const char *bundle, TrustAcceptance *ret, Error *error) {
        const TrustSignature what = { TRUST_FORM_BUNDLE, NULL, bundle, strlen(bundle) };

        return trust_check(&f->demand, &what, ret, error);
}

TEST(attached_signature_of_the_image_is_accepted) {
        _cleanup_(freep) char *payload = test_payload(SHA_A, "reg.example/a/b");
        _cleanup_(done) Fixture f;
        TrustAcceptance acceptance;

        init(&f);
        {
                _cleanup_(freep) char *signature = test_key_sign(f.pair, payload, strlen(payload));

                assert_int_equal(check_attached(&f, payload, signature, &acceptance, NULL), 0);
                assert_ptr_equal(acceptance.key, f.keys[0]);
                assert_string_equal(acceptance.claim.identity, "reg.example/a/b");
        }
}

/* By the right key, so that the reason is what is wrong. */
TEST(attached_signature_of_something_else_is_refused) {
        static const struct {
                const char *digest, *name, *part;
        } cases[] = {
                { SHA_B, "reg.example/a/b", "it is of " SHA_B ", not of " SHA_A },
                { SHA_A, "reg.example/a/c",
                  "it is for 'reg.example/a/c', which matchRepository does not accept for "
                  "reg.example/a/b:1" },
        };
        _cleanup_(done) Fixture f;

        init(&f);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) char *payload = test_payload(cases[i].digest, cases[i].name);
                _cleanup_(freep) char *signature = test_key_sign(f.pair, payload, strlen(payload));
                _cleanup_(error_clear) Error error = ERROR_NULL;
                TrustAcceptance acceptance;
                int r = check_attached(&f, payload, signature, &acceptance, &error);

                assert_failure(r, &error, ERROR_NOT_TRUSTED, cases[i].part);
        }
}

TEST(attached_signature_is_verified_before_its_payload_is_read) {
        static const char nonsense[] = "not even JSON";
        _cleanup_(done) Fixture f;
        TrustAcceptance acceptance;

        init(&f);
        {
                _cleanup_(freep) char *right = test_key_sign(f.pair, nonsense, strlen(nonsense));
                _cleanup_(freep) char *wrong = test_key_sign(f.other, nonsense, strlen(nonsense));
                _cleanup_(error_clear) Error error = ERROR_NULL, other_error = ERROR_NULL;
                int r = check_attached(&f, nonsense, wrong, &acceptance, &error);

                assert_failure(r, &error, ERROR_NOT_TRUSTED, "it is not by the rule's key");
                r = check_attached(&f, nonsense, right, &acceptance, &other_error);
                assert_failure(r, &other_error, ERROR_NOT_TRUSTED, "not valid JSON");
        }
}

TEST(signature_that_is_not_base64_is_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(done) Fixture f;
        TrustAcceptance acceptance;

        init(&f);
        assert_failure(
                check_attached(&f, "{}", "????", &acceptance, &error), &error, ERROR_NOT_TRUSTED,
                "it is not base64");
}

TEST(any_key_of_the_rule_may_have_signed) {
        _cleanup_(freep) char *payload = test_payload(SHA_A, "reg.example/a/b");
        _cleanup_(done) Fixture f;
        TrustAcceptance acceptance;

        init(&f);
        f.keys[1] = test_key_read(f.other);
        {
                _cleanup_(freep) char *signature = test_key_sign(f.other, payload, strlen(payload));
                _cleanup_(error_clear) Error error = ERROR_NULL;

                f.demand.n_keys = 2;
                assert_int_equal(check_attached(&f, payload, signature, &acceptance, NULL), 0);
                assert_ptr_equal(acceptance.key, f.keys[1]);
                payload[2] ^= 1;
                assert_failure(
                        check_attached(&f, payload, signature, &acceptance, &error), &error,
                        ERROR_NOT_TRUSTED, "it is not by any of the rule's keys");
        }
}

#define SUBJECT_A "{'digest':{'sha256':'" HEX_A "'}}"
#define SUBJECT_B "{'digest':{'sha256':'" HEX_B "'}}"

TEST(bundle_of_the_image_is_accepted) {
        static const struct {
                const char *subjects, *identity;
        } cases[] = {
                { "[" SUBJECT_A "]", "" },
                { "[" SUBJECT_B "," SUBJECT_A "]", "" },
                { "[{'name':'','digest':{'sha512':'x','sha256':'" HEX_A "'}}]", "" },
                { "[{'name':'reg.example/a/b','digest':{'sha256':'" HEX_A "'}}]",
                  "reg.example/a/b" },
        };
        _cleanup_(done) Fixture f;

        init(&f);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) char *statement = test_statement(cases[i].subjects);
                _cleanup_(freep) char *bundle = test_bundle(f.pair, statement);
                _cleanup_(error_clear) Error error = ERROR_NULL;
                TrustAcceptance acceptance;

                if (check_bundle(&f, bundle, &acceptance, &error) < 0)
                        fail_msg("%s: %s", cases[i].subjects, error_text(&error));
                assert_string_equal(acceptance.claim.identity, cases[i].identity);
        }
}

TEST(bundle_of_something_else_is_refused) {
        static const struct {
                const char *subjects, *part;
        } cases[] = {
                { "[" SUBJECT_B "]", "its statement is about something else than " SHA_A },
                { "[]", "its statement is about something else than " SHA_A },
                { "[{'digest':{'sha512':'" HEX_A "'}}]", "about something else" },
                { "[{'digest':{'sha256':'" SHA_A "'}}]", "about something else" },
                { "[{'digest':'" HEX_A "'},7,null]", "about something else" },
                { "{}", "'subject' in the in-toto statement is not an array" },
                { "[{'name':'reg.example/a/c','digest':{'sha256':'" HEX_A "'}}]",
                  "it is for 'reg.example/a/c', which matchRepository does not accept" },
                { "[{'name':7,'digest':{'sha256':'" HEX_A "'}}]", "which is not a reference" },
        };
        _cleanup_(done) Fixture f;

        init(&f);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) char *statement = test_statement(cases[i].subjects);
                _cleanup_(freep) char *bundle = test_bundle(f.pair, statement);
                _cleanup_(error_clear) Error error = ERROR_NULL;
                TrustAcceptance acceptance;
                int r = check_bundle(&f, bundle, &acceptance, &error);

                assert_failure(r, &error, ERROR_NOT_TRUSTED, cases[i].part);
        }
}

/* @what in the statement replaced, then signed by the right key. */
static void changed_statement_fails(
        Fixture *f, const char *what, const char *with, const char *part) {
        _cleanup_(freep) char *statement = test_statement("[" SUBJECT_A "]");
        _cleanup_(freep) char *changed = NULL, *bundle = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char *at = strstr(statement, what);
        TrustAcceptance acceptance;

        assert_non_null(at);
        *at = '\0';
        assert_true(asprintf(&changed, "%s%s%s", statement, with, at + strlen(what)) >= 0);
        bundle = test_bundle(f->pair, changed);
        assert_failure(
                check_bundle(f, bundle, &acceptance, &error), &error, ERROR_NOT_TRUSTED, part);
}

TEST(attestation_and_unknown_statement_are_no_signature) {
        _cleanup_(done) Fixture f;

        init(&f);
        changed_statement_fails(
                &f, TEST_SIGN_TYPE, "https://slsa.dev/provenance/v1",
                "it is an attestation of the type 'https://slsa.dev/provenance/v1', not a signature");
        changed_statement_fails(
                &f, "Statement/v1", "Statement/v0.1",
                "'_type' in the in-toto statement is 'https://in-toto.io/Statement/v0.1', not");
        changed_statement_fails(&f, "{", "", "The in-toto statement is not valid JSON");
}

/* What is signed is in the other members. */
TEST(predicate_may_be_missing_or_empty) {
        static const char *const predicates[] = { "", ",\"predicate\":null",
                                                  ",\"predicate\":\"\"" };
        _cleanup_(done) Fixture f;

        init(&f);
        for (size_t i = 0; i < N_ELEMENTS(predicates); i++) {
                _cleanup_(freep) char *statement = test_statement("[" SUBJECT_A "]");
                _cleanup_(freep) char *changed = NULL, *bundle = NULL;
                _cleanup_(error_clear) Error error = ERROR_NULL;
                char *at = strstr(statement, ",\"predicate\":{}");
                TrustAcceptance acceptance;

                assert_non_null(at);
                *at = '\0';
                assert_true(asprintf(&changed, "%s%s}", statement, predicates[i]) >= 0);
                bundle = test_bundle(f.pair, changed);
                if (check_bundle(&f, bundle, &acceptance, &error) < 0)
                        fail_msg("%s: %s", changed, error_text(&error));
        }
}

/* @what in the bundle replaced, after it was signed. */
static void changed_bundle_fails(Fixture *f, const char *what, const char *with, const char *part) {
        _cleanup_(freep) char *statement = test_statement("[" SUBJECT_A "]");
        _cleanup_(freep) char *bundle = test_bundle(f->pair, statement), *changed = NULL;
        _cleanup_(freep) char *old = json_text(what), *new = json_text(with);
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char *at = strstr(bundle, old);
        TrustAcceptance acceptance;

        assert_non_null(at);
        *at = '\0';
        assert_true(asprintf(&changed, "%s%s%s", bundle, new, at + strlen(old)) >= 0);
        assert_failure(
                check_bundle(f, changed, &acceptance, &error), &error, ERROR_NOT_TRUSTED, part);
}

TEST(bundle_of_another_form_is_refused) {
        static const struct {
                const char *what, *with, *part;
        } cases[] = {
                { "bundle.v0.3", "bundle.v0.2", "'mediaType' in the Sigstore bundle is '" },
                { "'mediaType'", "'type'", "'mediaType' in the Sigstore bundle is missing" },
                { "dsseEnvelope", "messageSignature",
                  "'dsseEnvelope' in the Sigstore bundle is miss" },
                { "vnd.in-toto", "vnd.other", "'payloadType' in the DSSE envelope is '" },
                { "'signatures':[", "'signatures':[{},",
                  "the DSSE envelope has 2 signatures, not 1" },
                { "'sig':'", "'sig':'?", "'sig' in the DSSE envelope is not base64" },
                { "'sig'", "'keyid'", "'sig' in the DSSE envelope is missing" },
                { "'payload':'", "'payload':'????",
                  "'payload' in the DSSE envelope is not base64" },
                { "'payload':'", "'payload':'AAAA", "it is not by the rule's key" },
                { "'dsseEnvelope'", "'mediaType':'x','dsseEnvelope'", "duplicate" },
        };
        _cleanup_(done) Fixture f;

        init(&f);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                changed_bundle_fails(&f, cases[i].what, cases[i].with, cases[i].part);
}

/* The payload alone is not what is signed: it could be a document of another kind. */
TEST(signature_of_a_bundles_payload_alone_is_refused) {
        _cleanup_(freep) char *statement = test_statement("[" SUBJECT_A "]");
        _cleanup_(done) Fixture f;

        init(&f);
        {
                _cleanup_(freep) char *alone = test_key_sign(f.pair, statement, strlen(statement));
                _cleanup_(freep) char *bundle = test_bundle(f.pair, statement);
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(freep) char *changed = NULL;
                TrustAcceptance acceptance;
                char *at = strstr(bundle, "\"sig\":\"");

                at[strlen("\"sig\":\"")] = '\0';
                assert_true(asprintf(&changed, "%s%s\"}]}}", bundle, alone) >= 0);
                assert_failure(
                        check_bundle(&f, changed, &acceptance, &error), &error, ERROR_NOT_TRUSTED,
                        "it is not by the rule's key");
        }
}

TEST(hostile_bundles_are_refused) {
        _cleanup_(freep) char *many = json_repeat(
                "{'mediaType':'application/vnd.dev.sigstore.bundle.v0.3+json','dsseEnvelope':{"
                "'payloadType':'application/vnd.in-toto+json','payload':'','signatures':[",
                "{}", 100000, "]}}");
        _cleanup_(freep) char *deep = malloc(100001);
        _cleanup_(freep) char *subjects = json_repeat("[", SUBJECT_B, 65, "]");
        _cleanup_(done) Fixture f;

        memset(deep, '[', 100000);
        memcpy(deep, "{\"a\":", 5);
        deep[100000] = '\0';
        init(&f);
        {
                _cleanup_(error_clear) Error e1 = ERROR_NULL, e2 = ERROR_NULL, e3 = ERROR_NULL;
                _cleanup_(freep) char *statement = test_statement(subjects);
                _cleanup_(freep) char *bundle = test_bundle(f.pair, statement);
                TrustAcceptance acceptance;

                assert_failure(
                        check_bundle(&f, many, &acceptance, &e1), &e1, ERROR_NOT_TRUSTED,
                        "The Sigstore bundle has more than 200000 values");
                assert_failure(
                        check_bundle(&f, deep, &acceptance, &e2), &e2, ERROR_NOT_TRUSTED,
                        "The Sigstore bundle is not valid JSON");
                assert_failure(
                        check_bundle(&f, bundle, &acceptance, &e3), &e3, ERROR_NOT_TRUSTED,
                        "has 65 subjects, more than 64");
        }
}
