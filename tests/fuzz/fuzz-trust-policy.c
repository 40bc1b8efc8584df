/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "trust-policy.h"

static void check_rule(const TrustRule *rule) {
        if (rule->kind >= _TRUST_RULE_MAX || rule->name[0] == '\0' ||
            rule->identity.kind >= _TRUST_IDENTITY_MAX || rule->n_sources > TRUST_KEYS_MAX ||
            (rule->kind == TRUST_RULE_SIGNED) != (rule->n_sources > 0))
                __builtin_trap();
        for (size_t i = 0; i < rule->n_sources; i++)
                if (!rule->sources[i].path == !rule->sources[i].data)
                        __builtin_trap();
}

static void try_image(const uint8_t *data, size_t size, const TrustImage *image) {
        _cleanup_(trust_rules_done) TrustRules rules = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r;

        r = trust_policy_select(data, size, image, &rules, &error);
        if (r < 0) {
                if (error.code != -r || !error.message || error.kind != ERROR_NOT_TRUSTED)
                        __builtin_trap();
                return;
        }

        if (rules.n_rules < 1 || rules.n_rules > TRUST_RULES_MAX || rules.scope[0] == '\0')
                __builtin_trap();
        for (size_t i = 0; i < rules.n_rules; i++)
                check_rule(&rules.rules[i]);
}

/* Whatever is a policy has rules for each image, and what is not says so. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Reference reference;

        if (reference_parse("reg.team.example:5000/a/b:1", &reference, NULL) < 0)
                __builtin_trap();
        try_image(data, size, &(TrustImage){ "docker", &reference, NULL });
        try_image(data, size, &(TrustImage){ "oci", NULL, "/srv/images/x" });
        return 0;
}
