/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verdict on the signatures of an image: each of several demands must be satisfied by one of them.
 *
 *     step_verdict_add_demand()+ ─▶ step_verdict_receive() ─▶ step_verdict_judge() ─▶ step_verdict_done()
 */

#include "step.h"
#include "trust-check.h"
#include "trust-rule.h"

/* What one rule demands. */
typedef struct StepDemand {
        const TrustIdentity *identity;  /* borrowed */
        TrustKey *keys[TRUST_KEYS_MAX]; /* owned */
        size_t n_keys;
} StepDemand;

/* A signature as it arrived, or why it did not. */
typedef struct StepSignature {
        ProtoSignature head;
        char *data; /* owned; head.size bytes */
        size_t size;
} StepSignature;

typedef struct StepVerdict {
        StepDemand *demands; /* owned */
        size_t n_demands;
        StepSignature *signatures; /* owned */
        size_t n_signatures;
        uint32_t n_bytes; /* of all that were announced */
} StepVerdict;

/* For what, and by what, the signatures are wanted; texts are borrowed. */
typedef struct StepVerdictImage {
        const Reference *reference; /* borrowed */
        Digest digest;              /* of the document that it names */
        const char *policy;         /* who demands a signature, … */
        const char *scope;          /* … and where it says so */
} StepVerdictImage;

/** step_verdict_done() - release what @verdict owns; usable with _cleanup_() */
void step_verdict_done(StepVerdict *verdict);

/**
 * step_verdict_add_demand() - demand a signature
 * @identity:   borrowed as long as @verdict
 * @ret:        for its keys; borrowed, until the next demand
 */
int step_verdict_add_demand(
        StepVerdict *verdict, const TrustIdentity *identity, StepDemand **ret, Error *error);

/** step_demand_add_key() - let @key, which is taken over, be one that satisfies @demand; at most TRUST_KEYS_MAX */
void step_demand_add_key(StepDemand *demand, TrustKey *key);

/** step_verdict_receive() - receive all signatures from the daemon */
int step_verdict_receive(StepVerdict *verdict, int socket_fd, Error *error);

/**
 * step_verdict_judge() - judge them, and tell the daemon which were accepted
 *
 * ERROR_NOT_TRUSTED, with the reason for each signature, if a demand is not satisfied.
 */
int step_verdict_judge(
        const StepVerdict *verdict, const StepVerdictImage *image, int socket_fd, Error *error);
