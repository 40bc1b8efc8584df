/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a request is worth another try, and after how long: exponential backoff with jitter, and the
 * Retry-After header (RFC 9110, 10.2.3).
 */

#include <stdbool.h>
#include <stdint.h>

#define REGISTRY_TRIES_MAX           5U
#define REGISTRY_UNREACHED_TRIES_MAX 3U                /* nothing ever answered: a typing error? */
#define REGISTRY_UNREACHED_USEC_MAX  UINT64_C(2000000) /* no more tries after this time */
#define REGISTRY_BACKOFF_USEC        UINT64_C(500000)  /* before the second try; doubles */
#define REGISTRY_JITTER_USEC         UINT64_C(250000)  /* on top of what Retry-After asks for */
#define REGISTRY_RETRY_AFTER_MAX     UINT64_C(60)      /* seconds */
#define REGISTRY_RETRY_AFTER_SANE    INT64_C(86400)    /* seconds; more is nonsense */
#define REGISTRY_USEC_PER_SEC        UINT64_C(1000000)

/* Why there is no response. */
typedef enum RegistryFailure {
        REGISTRY_FAILURE_NONE,        /* there is one, of whatever status */
        REGISTRY_FAILURE_UNREACHABLE, /* no connection: name, route, refused, timeout */
        REGISTRY_FAILURE_HANDSHAKE,   /* connected, but the peer did not finish a TLS handshake */
        REGISTRY_FAILURE_CERTIFICATE, /* TLS without doubt, and not acceptable */
        REGISTRY_FAILURE_BROKEN,      /* the transfer was cut, or stalled */
        REGISTRY_FAILURE_FINAL,       /* this side gave up: a ceiling, a rule, memory */
} RegistryFailure;

typedef struct RegistryAttempt {
        unsigned tries;          /* made so far, this one included */
        RegistryFailure failure; /* of this one */
        long status;             /* HTTP status when there was no failure */
        int64_t retry_after;     /* seconds the header asks for; 0 without one */
        bool was_reached;        /* something has answered there before */
        uint64_t elapsed_usec;   /* since the first try began */
        uint32_t random;         /* any */
} RegistryAttempt;

/**
 * registry_retry_decide() - whether to try again
 * @ret_wait_usec:      how long to wait first; untouched when not
 */
bool registry_retry_decide(const RegistryAttempt *attempt, uint64_t *ret_wait_usec);

/* The tries of one request. */
typedef struct RegistryRetry {
        unsigned tries;
        uint64_t started_usec; /* CLOCK_MONOTONIC */
} RegistryRetry;

/** registry_retry_init() - no try was made yet */
void registry_retry_init(RegistryRetry *retry);

/**
 * registry_retry_wait() - count a try that failed, and wait before the next one
 * @attempt:    @failure, @status, @retry_after and @was_reached; the rest is filled in
 *
 * Return: whether to try again, after the wait.
 */
bool registry_retry_wait(RegistryRetry *retry, RegistryAttempt attempt);
