/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "trust-identity.h"
#include "trust-payload.h"

/* What is accepted names a digest and an image; any identity is accepted or refused with a reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const TrustIdentity identity = {
                .kind = TRUST_REMAP_IDENTITY,
                .prefix = "reg.example/a",
                .signed_prefix = "docker.io/library",
        };
        _cleanup_(error_clear) Error error = ERROR_NULL, why = ERROR_NULL;
        Reference reference;
        TrustClaim claim;
        int r;

        r = trust_payload_parse(data, size, &claim, &error);
        if (r < 0) {
                if (error.code != -r || !error.message || error.kind != ERROR_NOT_TRUSTED)
                        __builtin_trap();
                return 0;
        }

        if (!digest_is_valid(&claim.digest) || claim.identity[0] == '\0' ||
            strlen(claim.identity) > REFERENCE_MAX)
                __builtin_trap();
        if (reference_parse("reg.example/a/b:1", &reference, NULL) < 0)
                __builtin_trap();
        r = trust_identity_check(&identity, &reference, claim.identity, &why);
        if (r < 0 && (why.code != -r || why.kind != ERROR_NOT_TRUSTED))
                __builtin_trap();
        return 0;
}
