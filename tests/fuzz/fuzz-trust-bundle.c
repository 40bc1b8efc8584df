/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "trust-bundle.h"

static void check_failure(int r, const Error *error) {
        if (r >= 0 || error->code != -r || !error->message || error->kind != ERROR_NOT_TRUSTED)
                __builtin_trap();
}

/* A bundle's statement: about the digest that it names, or refused. */
static void try_statement(const TrustBundle *bundle) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Digest digest = { .algorithm = DIGEST_SHA256 };
        TrustClaim claim;
        int r;

        memset(digest.bytes, 0xaa, digest_algorithm_size(digest.algorithm));
        r = trust_bundle_find_image(bundle, &digest, &claim, &error);
        if (r < 0)
                check_failure(r, &error);
        else if (!digest_equal(&claim.digest, &digest) || strlen(claim.identity) > REFERENCE_MAX)
                __builtin_trap();
}

/* The input is a bundle; and, since nobody guesses base64, a statement. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const TrustBundle alone = { .payload = (uint8_t *) data, .payload_size = size };
        _cleanup_(trust_bundle_done) TrustBundle bundle = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r;

        try_statement(&alone);
        r = trust_bundle_parse(data, size, &bundle, &error);
        if (r < 0) {
                check_failure(r, &error);
                return 0;
        }

        if (!bundle.signature || !bundle.payload || bundle.message_size <= bundle.payload_size)
                __builtin_trap();
        try_statement(&bundle);
        return 0;
}
