/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "base-clock.h"
#include "base-number.h"
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

/* @asked: seconds that the other side wants it to wait. */
static bool attempt_is_last(const RegistryAttempt *attempt, int64_t asked) {
        if (!attempt->is_mirror)
                return attempt->tries >= REGISTRY_TRIES_MAX;

        return attempt->tries >= REGISTRY_MIRROR_TRIES_MAX || asked > 0 ||
               attempt->failure == REGISTRY_FAILURE_UNREACHABLE;
}

static uint64_t backoff_usec(unsigned tries, uint32_t random) {
        uint64_t half = REGISTRY_BACKOFF_USEC * (UINT64_C(1) << (tries - 1)) / 2;

        return half + half * random / UINT32_MAX;
}

static uint64_t retry_after_usec(uint64_t seconds, uint32_t random) {
        return seconds * REGISTRY_USEC_PER_SEC + REGISTRY_JITTER_USEC * random / UINT32_MAX;
}

int64_t registry_retry_parse(const char *text, int64_t now_sec) {
        uint64_t seconds;
        time_t date;

        if (isdigit((unsigned char) text[0]))
                return number_parse(text, INT64_MAX, &seconds) < 0 ? 0 : (int64_t) seconds;

        date = curl_getdate(text, NULL);
        return date < 0 ? 0 : (int64_t) date - now_sec;
}

int64_t registry_retry_asked_sec(long status, int64_t retry_after) {
        if ((status != 429 && status != 503) || retry_after <= 0 ||
            retry_after > REGISTRY_RETRY_AFTER_SANE)
                return 0;

        return retry_after;
}

bool registry_retry_decide(const RegistryAttempt *attempt, RegistryWait *ret_wait) {
        int64_t asked = 0;

        assert(attempt->tries > 0);

        if (attempt->failure == REGISTRY_FAILURE_NONE)
                asked = registry_retry_asked_sec(attempt->status, attempt->retry_after);
        if (attempt_is_last(attempt, asked) || !attempt_is_temporary(attempt) ||
            asked > REGISTRY_RETRY_AFTER_MAX)
                return false;

        *ret_wait = (RegistryWait){
                .usec = asked > 0 ? retry_after_usec((uint64_t) asked, attempt->random)
                                  : backoff_usec(attempt->tries, attempt->random),
                .is_asked = asked > 0,
        };
        return true;
}

void registry_retry_init(RegistryRetry *retry, const RegistryWaiter *waiter) {
        *retry = (RegistryRetry){ .started_usec = clock_usec(CLOCK_MONOTONIC), .waiter = waiter };
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
        RegistryWait wait;

        attempt.tries = ++retry->tries;
        attempt.elapsed_usec = clock_usec(CLOCK_MONOTONIC) - retry->started_usec;
        if (getrandom(&attempt.random, sizeof(attempt.random), GRND_NONBLOCK) < 0)
                attempt.random = UINT32_MAX / 2;

        if (!registry_retry_decide(&attempt, &wait))
                return false;

        if (retry->waiter->on_wait)
                retry->waiter->on_wait(retry->waiter->userdata, &wait);
        sleep_usec(wait.usec);
        return true;
}
