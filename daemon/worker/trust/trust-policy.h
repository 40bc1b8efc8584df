/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A signature policy: containers-policy.json(5), as containers/image reads it.
 *
 * The whole file is checked, whatever image is wanted: unknown keys and types of rules, the same key twice, and an
 * empty list of rules are errors, so that a mistake accepts nothing. Rules for which support is missing here are no
 * error until they decide.
 */

#include "base-error.h"
#include "trust-rule.h"
#include "trust-scope.h"

#define TRUST_POLICY_MAX ((size_t) 1 << 20) /* bytes */
#define TRUST_RULES_MAX  ((size_t) 64)      /* of one scope */

/* The rules that decide about an image: all must accept it. */
typedef struct TrustRules {
        char scope[TRUST_SCOPE_MAX + 64]; /* "default", or "TRANSPORT:SCOPE" */
        TrustRule *rules;                 /* owned */
        size_t n_rules;                   /* at least 1 */
} TrustRules;

/**
 * trust_policy_select() - read a policy, and find the rules for an image
 * @image:      its most specific scope with rules decides
 * @ret:        release with trust_rules_done(); untouched on failure
 *
 * ERROR_NOT_TRUSTED if it is not a policy.
 */
int trust_policy_select(
        const void *text, size_t size, const TrustImage *image, TrustRules *ret, Error *error);

/** trust_rules_done() - release what @rules owns; usable with _cleanup_() */
void trust_rules_done(TrustRules *rules);
