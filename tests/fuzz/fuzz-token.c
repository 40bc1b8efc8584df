/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "oci-token.h"

/* An accepted token fits into a header, and does not live for ever. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(oci_token_done) OciToken token = { 0 };

        if (oci_token_parse(data, size, &token, NULL) < 0)
                return 0;
        if (token.token[0] == '\0' || strlen(token.token) > OCI_TOKEN_MAX ||
            token.expires_in < OCI_TOKEN_EXPIRES_DEFAULT ||
            token.expires_in > OCI_TOKEN_EXPIRES_MAX)
                __builtin_trap();
        for (const char *p = token.token; *p != '\0'; p++)
                if (*p < '!' || *p > '~')
                        __builtin_trap();
        return 0;
}
