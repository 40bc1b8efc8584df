/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>

#include "base-cleanup.h"
#include "trust-base64.h"
#include "trust-bundle.h"
#include "trust-check.h"

const char *trust_form_to_string(TrustForm form) {
        static const char *const names[_TRUST_FORM_MAX] = {
                [TRUST_FORM_ATTACHED] = "attached signature",
                [TRUST_FORM_BUNDLE] = "Sigstore bundle",
        };

        assert(form < _TRUST_FORM_MAX);
        return names[form];
}

/* Bytes and a signature of them; borrowed. */
typedef struct Signed {
        const void *data;
        size_t size;
        const uint8_t *signature;
        size_t signature_size;
} Signed;

static int find_key(
        const TrustDemand *demand, const Signed *what, const TrustKey **ret, Error *error) {
        for (size_t i = 0; i < demand->n_keys; i++)
                if (trust_key_has_signed(
                            demand->keys[i], what->data, what->size, what->signature,
                            what->signature_size)) {
                        *ret = demand->keys[i];
                        return 0;
                }

        return error_set(
                error, EACCES, ERROR_NOT_TRUSTED, "%s",
                demand->n_keys == 1 ? "it is not by the rule's key"
                                    : "it is not by any of the rule's keys");
}

static int check_attached(
        const TrustDemand *demand,
        const TrustSignature *signature,
        TrustAcceptance *acceptance,
        Error *error) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        Signed what = { .data = signature->data, .size = signature->size };
        char have[DIGEST_STRING_MAX], want[DIGEST_STRING_MAX];
        int r;

        r = trust_base64_decode(signature->signature, &bytes, &what.signature_size);
        if (r == -ENOMEM)
                return error_oom(error);
        if (r < 0)
                return error_set(error, EBADMSG, ERROR_NOT_TRUSTED, "it is not base64");

        what.signature = bytes;
        r = find_key(demand, &what, &acceptance->key, error);
        if (r >= 0)
                r = trust_payload_parse(
                        signature->data, signature->size, &acceptance->claim, error);
        if (r < 0 || digest_equal(&acceptance->claim.digest, &demand->digest))
                return r;
        return error_set(
                error, EACCES, ERROR_NOT_TRUSTED, "it is of %s, not of %s",
                digest_format(&acceptance->claim.digest, have),
                digest_format(&demand->digest, want));
}

static int check_bundle(
        const TrustDemand *demand,
        const TrustSignature *signature,
        TrustAcceptance *acceptance,
        Error *error) {
        _cleanup_(trust_bundle_done) TrustBundle bundle = { 0 };
        Signed what;
        int r;

        r = trust_bundle_parse(signature->data, signature->size, &bundle, error);
        if (r < 0)
                return r;

        what = (Signed){
                .data = bundle.message,
                .size = bundle.message_size,
                .signature = bundle.signature,
                .signature_size = bundle.signature_size,
        };
        r = find_key(demand, &what, &acceptance->key, error);
        return r < 0 ? r
                     : trust_bundle_find_image(&bundle, &demand->digest, &acceptance->claim, error);
}

int trust_check(
        const TrustDemand *demand,
        const TrustSignature *signature,
        TrustAcceptance *ret,
        Error *error) {
        TrustAcceptance acceptance = { 0 };
        int r;

        r = signature->form == TRUST_FORM_BUNDLE
                    ? check_bundle(demand, signature, &acceptance, error)
                    : check_attached(demand, signature, &acceptance, error);
        if (r >= 0)
                r = trust_identity_check(
                        demand->identity, demand->image, acceptance.claim.identity, error);
        if (r < 0)
                return r;

        *ret = acceptance;
        return 0;
}
