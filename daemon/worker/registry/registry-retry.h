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
#define REGISTRY_MIRROR_TRIES_MAX    2U                /* another registry can be asked */
#define REGISTRY_UNREACHED_USEC_MAX  UINT64_C(2000000) /* no more tries after this time */
#define REGISTRY_BACKOFF_USEC        UINT64_C(500000)  /* before the second try; doubles */
#define REGISTRY_JITTER_USEC         UINT64_C(250000)  /* on top of what Retry-After asks for */
#define REGISTRY_RETRY_AFTER_MAX     INT64_C(600)      /* seconds; nobody waits for longer */
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
        bool is_mirror;          /* which is not waited for if it cannot be reached or wants that */
        uint64_t elapsed_usec;   /* since the first try began */
        uint32_t random;         /* any */
} RegistryAttempt;

/**
 * registry_retry_parse() - read a Retry-After header
 * @now_sec:    the clock of whoever sent it, in seconds since 1970; for a date
 *
 * Return: the seconds to wait; 0 or less for a date in the past, and 0 for nonsense.
 */
int64_t registry_retry_parse(const char *text, int64_t now_sec);

/** registry_retry_asked_sec() - seconds that a response asks to wait; 0 for none, and for nonsense */
int64_t registry_retry_asked_sec(long status, int64_t retry_after);

/* Before another try. */
typedef struct RegistryWait {
        uint64_t usec;
        bool is_asked; /* by the other side; else it is a backoff of our own */
} RegistryWait;

/**
 * registry_retry_decide() - whether to try again
 * @ret_wait:   how long to wait first; untouched when not
 *
 * One that asks to wait for longer than REGISTRY_RETRY_AFTER_MAX is not tried again.
 */
bool registry_retry_decide(const RegistryAttempt *attempt, RegistryWait *ret_wait);

/* Hears of each wait when it begins, from any thread; or on_wait is NULL. */
typedef struct RegistryWaiter {
        void (*on_wait)(void *userdata, const RegistryWait *wait);
        void *userdata; /* borrowed */
} RegistryWaiter;

/* The tries of one request. */
typedef struct RegistryRetry {
        unsigned tries;
        uint64_t started_usec;        /* CLOCK_MONOTONIC */
        const RegistryWaiter *waiter; /* borrowed */
} RegistryRetry;

/** registry_retry_init() - no try was made yet; @waiter is borrowed */
void registry_retry_init(RegistryRetry *retry, const RegistryWaiter *waiter);

/**
 * registry_retry_wait() - count a try that failed, and wait before the next one
 * @attempt:    @failure, @status, @retry_after, @was_reached and @is_mirror; the rest is filled in
 *
 * Return: whether to try again, after the wait.
 */
bool registry_retry_wait(RegistryRetry *retry, RegistryAttempt attempt);
