/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "trust-base64.h"
#include "trust-bundle.h"
#include "trust-json.h"

#define BUNDLE    "Sigstore bundle"
#define ENVELOPE  "DSSE envelope"
#define STATEMENT "in-toto statement"

#define BUNDLE_TYPE    "application/vnd.dev.sigstore.bundle.v0.3+json"
#define PAYLOAD_TYPE   "application/vnd.in-toto+json"
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define SIGN_TYPE      "https://sigstore.dev/cosign/sign/v1"

void trust_bundle_done(TrustBundle *bundle) {
        free(bundle->signature);
        free(bundle->payload);
        free(bundle->message);
        *bundle = (TrustBundle){ 0 };
}

/* Refuses a member that is another text than expected. */
static int check_text(
        const json_t *object,
        const char *key,
        const char *expected,
        const char *what,
        Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        const char *text;
        int r;

        r = trust_json_get_string(object, key, what, &text, error);
        if (r < 0)
                return r;
        if (strcmp(text, expected) == 0)
                return 0;
        return error_set(
                error, EBADMSG, ERROR_NOT_TRUSTED, "'%s' in the %s is '%s', not '%s'", key, what,
                text_quote(text, quoted), expected);
}

static int get_base64(
        const json_t *object, const char *key, uint8_t **ret, size_t *ret_size, Error *error) {
        const char *text;
        int r;

        r = trust_json_get_string(object, key, ENVELOPE, &text, error);
        if (r < 0)
                return r;

        r = trust_base64_decode(text, ret, ret_size);
        if (r == -ENOMEM)
                return error_oom(error);
        if (r < 0)
                return error_set(
                        error, EBADMSG, ERROR_NOT_TRUSTED, "'%s' in the " ENVELOPE " is not base64",
                        key);
        return 0;
}

/* DSSE's pre-authentication encoding: what looks like something else cannot have the same one. */
static int make_message(TrustBundle *bundle, Error *error) {
        char head[128];
        const int length = snprintf(
                head, sizeof(head), "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE,
                bundle->payload_size);

        bundle->message_size = (size_t) length + bundle->payload_size;
        bundle->message = malloc(bundle->message_size);
        if (!bundle->message)
                return error_oom(error);

        memcpy(bundle->message, head, (size_t) length);
        memcpy(bundle->message + length, bundle->payload, bundle->payload_size);
        return 0;
}

static int read_envelope(const json_t *envelope, TrustBundle *bundle, Error *error) {
        const json_t *signature;
        json_t *signatures;
        int r;

        r = check_text(envelope, "payloadType", PAYLOAD_TYPE, ENVELOPE, error);
        if (r >= 0)
                r = trust_json_get_array(envelope, "signatures", ENVELOPE, &signatures, error);
        if (r < 0)
                return r;

        /* A bundle has material for the verification of one. */
        signature = json_array_get(signatures, 0);
        if (json_array_size(signatures) != 1 || !json_is_object(signature))
                return error_set(
                        error, EBADMSG, ERROR_NOT_TRUSTED,
                        "the " ENVELOPE " has %zu signatures, not 1", json_array_size(signatures));

        r = get_base64(envelope, "payload", &bundle->payload, &bundle->payload_size, error);
        if (r >= 0)
                r = get_base64(
                        signature, "sig", &bundle->signature, &bundle->signature_size, error);
        return r < 0 ? r : make_message(bundle, error);
}

int trust_bundle_parse(const void *data, size_t size, TrustBundle *ret, Error *error) {
        _cleanup_(trust_bundle_done) TrustBundle bundle = { 0 };
        json_auto_t *document = NULL;
        json_t *envelope;
        int r;

        r = trust_json_load(data, size, BUNDLE, &document, error);
        if (r >= 0)
                r = check_text(document, "mediaType", BUNDLE_TYPE, BUNDLE, error);
        if (r >= 0)
                r = trust_json_get_object(document, "dsseEnvelope", BUNDLE, &envelope, error);
        if (r >= 0)
                r = read_envelope(envelope, &bundle, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(bundle);
        return 0;
}

/* Whether the subject has the image's digest, and no other of the same algorithm could be meant. */
static bool is_image(const json_t *subject, const Digest *image) {
        const json_t *digests = json_object_get(subject, "digest");
        const char *text = json_string_value(
                json_object_get(digests, digest_algorithm_to_string(image->algorithm)));
        char hex[DIGEST_HEX_MAX];

        return text && strcmp(text, digest_format_hex(image, hex)) == 0;
}

static int read_subject(const json_t *subject, const Digest *image, TrustClaim *ret, Error *error) {
        const json_t *name = json_object_get(subject, "name");
        const char *text = name ? json_string_value(name) : "";
        char quoted[TEXT_QUOTE_MAX];
        TrustClaim claim = { .digest = *image };

        if (!text || strlen(text) > REFERENCE_MAX)
                return error_set(
                        error, EBADMSG, ERROR_NOT_TRUSTED,
                        "it is for '%s', which is not a reference",
                        text_quote(text ? text : "", quoted));

        strcpy(claim.identity, text);
        *ret = claim;
        return 0;
}

static int find_subject(
        const json_t *subjects, const Digest *image, TrustClaim *ret, Error *error) {
        char digest[DIGEST_STRING_MAX];
        json_t *subject;
        size_t i;

        if (json_array_size(subjects) > TRUST_SUBJECTS_MAX)
                return error_set(
                        error, EFBIG, ERROR_NOT_TRUSTED,
                        "the " STATEMENT " has %zu subjects, more than %zu",
                        json_array_size(subjects), TRUST_SUBJECTS_MAX);

        json_array_foreach(subjects, i, subject) if (is_image(subject, image)) return read_subject(
                subject, image, ret, error);

        return error_set(
                error, EBADMSG, ERROR_NOT_TRUSTED, "its statement is about something else than %s",
                digest_format(image, digest));
}

int trust_bundle_find_image(
        const TrustBundle *bundle, const Digest *image, TrustClaim *ret, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        json_auto_t *statement = NULL;
        const char *type;
        json_t *subjects;
        int r;

        r = trust_json_load(bundle->payload, bundle->payload_size, STATEMENT, &statement, error);
        if (r >= 0)
                r = check_text(statement, "_type", STATEMENT_TYPE, STATEMENT, error);
        if (r >= 0)
                r = trust_json_get_string(statement, "predicateType", STATEMENT, &type, error);
        if (r < 0)
                return r;
        if (strcmp(type, SIGN_TYPE) != 0)
                return error_set(
                        error, EBADMSG, ERROR_NOT_TRUSTED,
                        "it is an attestation of the type '%s', not a signature",
                        text_quote(type, quoted));

        r = trust_json_get_array(statement, "subject", STATEMENT, &subjects, error);
        return r < 0 ? r : find_subject(subjects, image, ret, error);
}
