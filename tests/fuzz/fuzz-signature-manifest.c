/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-cleanup.h"
#include "fuzz.h"
#include "oci-signature.h"

static void check_failure(int r, const Error *error) {
        if (r >= 0 || error->code != -r || !error->message)
                __builtin_trap();
}

static void check(int r, const OciSignatures *signatures, const Error *error) {
        if (r < 0) {
                check_failure(r, error);
                return;
        }

        if (signatures->n > OCI_SIGNATURES_MAX)
                __builtin_trap();
        for (size_t i = 0; i < signatures->n; i++)
                if (!digest_is_valid(&signatures->all[i].digest))
                        __builtin_trap();
}

/* Whatever lists signatures lists few, by digest. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(oci_signatures_done) OciSignatures attached = { 0 }, bundles = { 0 };
        _cleanup_(error_clear) Error e1 = ERROR_NULL, e2 = ERROR_NULL, e3 = ERROR_NULL;
        OciSignature bundle;
        int r;

        check(oci_signatures_parse_attached(data, size, &attached, &e1), &attached, &e1);
        check(oci_signatures_parse_referrers(data, size, &bundles, &e2), &bundles, &e2);
        r = oci_signatures_parse_bundle(data, size, &bundle, &e3);
        if (r < 0)
                check_failure(r, &e3);
        else if (!digest_is_valid(&bundle.digest))
                __builtin_trap();
        return 0;
}
