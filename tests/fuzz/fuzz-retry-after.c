/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "registry-retry.h"

/* Whatever a header says, nobody waits for longer than the ceiling, nor goes on for ever. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        RegistryAttempt attempt = {
                .status = 429,
                .retry_after = text,
                .now = 1700000000,
                .random = UINT32_MAX,
        };
        uint64_t wait_usec = 0;

        if (!text)
                return 0;

        for (attempt.tries = 1; registry_retry_decide(&attempt, &wait_usec); attempt.tries++)
                if (attempt.tries >= REGISTRY_TRIES_MAX ||
                    wait_usec >
                            REGISTRY_RETRY_AFTER_MAX * REGISTRY_USEC_PER_SEC + REGISTRY_JITTER_USEC)
                        __builtin_trap();
        return 0;
}
