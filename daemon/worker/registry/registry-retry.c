/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "registry-retry.h"

static bool status_is_temporary(long status) {
        return status == 408 || status == 429 || (status >= 500 && status <= 599 && status != 501);
}

static bool attempt_is_temporary(const RegistryAttempt *attempt) {
        switch (attempt->failure) {
        case REGISTRY_FAILURE_NONE:
                return status_is_temporary(attempt->status);
        case REGISTRY_FAILURE_BROKEN:
                return true;
        case REGISTRY_FAILURE_UNREACHABLE:
                return attempt->was_reached ||
                       (attempt->tries < REGISTRY_UNREACHED_TRIES_MAX &&
                        attempt->elapsed_usec < REGISTRY_UNREACHED_USEC_MAX);
        case REGISTRY_FAILURE_HANDSHAKE:
                /* A port that never spoke TLS does not learn it. */
                return attempt->was_reached;
        case REGISTRY_FAILURE_CERTIFICATE:
        case REGISTRY_FAILURE_FINAL:
                return false;
        }

        return false;
}

static uint64_t backoff_usec(unsigned tries, uint32_t random) {
        uint64_t half = REGISTRY_BACKOFF_USEC * (UINT64_C(1) << (tries - 1)) / 2;

        return half + half * random / UINT32_MAX;
}

static uint64_t retry_after_usec(uint64_t seconds, uint32_t random) {
        if (seconds > REGISTRY_RETRY_AFTER_MAX)
                seconds = REGISTRY_RETRY_AFTER_MAX;

        return seconds * REGISTRY_USEC_PER_SEC + REGISTRY_JITTER_USEC * random / UINT32_MAX;
}

bool registry_retry_decide(const RegistryAttempt *attempt, uint64_t *ret_wait_usec) {
        assert(attempt->tries > 0);

        if (attempt->tries >= REGISTRY_TRIES_MAX || !attempt_is_temporary(attempt))
                return false;

        if (attempt->failure == REGISTRY_FAILURE_NONE &&
            (attempt->status == 429 || attempt->status == 503) && attempt->retry_after > 0 &&
            attempt->retry_after <= REGISTRY_RETRY_AFTER_SANE)
                *ret_wait_usec = retry_after_usec((uint64_t) attempt->retry_after, attempt->random);
        else
                *ret_wait_usec = backoff_usec(attempt->tries, attempt->random);

        return true;
}

static uint64_t monotonic_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * REGISTRY_USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

void registry_retry_init(RegistryRetry *retry) {
        *retry = (RegistryRetry){ .started_usec = monotonic_usec() };
}

static void sleep_usec(uint64_t usec) {
        struct timespec left = {
                .tv_sec = (time_t) (usec / REGISTRY_USEC_PER_SEC),
                .tv_nsec = (long) (usec % REGISTRY_USEC_PER_SEC) * 1000,
        };

        while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
                ;
}

bool registry_retry_wait(RegistryRetry *retry, RegistryAttempt attempt) {
        uint64_t wait_usec;

        attempt.tries = ++retry->tries;
        attempt.elapsed_usec = monotonic_usec() - retry->started_usec;
        if (getrandom(&attempt.random, sizeof(attempt.random), GRND_NONBLOCK) < 0)
                attempt.random = UINT32_MAX / 2;

        if (!registry_retry_decide(&attempt, &wait_usec))
                return false;

        sleep_usec(wait_usec);
        return true;
}
