/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "registry-retry.h"

#define NOW_SEC INT64_C(1700000000)

/* Whatever it asks for, the wait is bounded; and it is asked for exactly when the header is what decides. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        RegistryAttempt attempt = { .tries = 1, .status = 429 };
        RegistryWait wait;

        if (!text)
                return 0;

        attempt.retry_after = registry_retry_parse(text, NOW_SEC);
        if (!registry_retry_decide(&attempt, &wait)) {
                if (attempt.retry_after <= REGISTRY_RETRY_AFTER_MAX)
                        __builtin_trap();
                return 0;
        }
        if (wait.is_asked != (registry_retry_asked_sec(429, attempt.retry_after) > 0) ||
            wait.usec > (uint64_t) REGISTRY_RETRY_AFTER_MAX * REGISTRY_USEC_PER_SEC)
                __builtin_trap();
        return 0;
}
