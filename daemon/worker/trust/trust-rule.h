/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One requirement of containers-policy.json(5). */

#include <jansson.h>

#include "base-error.h"
#include "trust-identity.h"

#define TRUST_KEYS_MAX ((size_t) 64) /* of one rule */

#define TRUST_RULE_SIGNED_TYPE "sigstoreSigned" /* of rules that demand signatures */

typedef enum TrustRuleKind {
        TRUST_RULE_ACCEPT,      /* insecureAcceptAnything */
        TRUST_RULE_REJECT,      /* reject */
        TRUST_RULE_SIGNED,      /* sigstoreSigned, with keys */
        TRUST_RULE_UNSUPPORTED, /* a rule that containers/image knows, and this program rejects */
        _TRUST_RULE_MAX,
} TrustRuleKind;

/* A key in PEM, or where it is. */
typedef struct TrustKeySource {
        char *path; /* owned; NULL if @data is it */
        char *data; /* owned */
        size_t size;
} TrustKeySource;

typedef struct TrustRule {
        TrustRuleKind kind;
        char name[64]; /* its type, and for an unsupported one what is */
        TrustIdentity identity;
        TrustKeySource *sources; /* owned; any of the keys may have signed */
        size_t n_sources;
} TrustRule;

/**
 * trust_rule_parse() - read one
 * @ret:        release with trust_rule_done(); untouched on failure
 *
 * ERROR_NOT_TRUSTED for anything that containers-policy.json(5) does not have.
 */
int trust_rule_parse(const json_t *value, TrustRule *ret, Error *error);

/** trust_rule_done() - release what @rule owns; usable with _cleanup_() */
void trust_rule_done(TrustRule *rule);
