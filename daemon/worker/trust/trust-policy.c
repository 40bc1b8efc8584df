/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "trust-json.h"
#include "trust-policy.h"

#define WHAT "signature policy"

void trust_rules_done(TrustRules *rules) {
        for (size_t i = 0; i < rules->n_rules; i++)
                trust_rule_done(&rules->rules[i]);
        free(rules->rules);
        *rules = (TrustRules){ 0 };
}

static int read_rules(const json_t *list, const char *where, TrustRules *ret, Error *error) {
        _cleanup_(trust_rules_done) TrustRules rules = { 0 };
        char quoted[TEXT_QUOTE_MAX];
        json_t *value;
        size_t i;
        int r;

        if (json_array_size(list) == 0 || json_array_size(list) > TRUST_RULES_MAX)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "'%s' in the " WHAT " is not an array of 1 to %zu rules",
                        text_quote(where, quoted), TRUST_RULES_MAX);

        rules.rules = calloc(json_array_size(list), sizeof(rules.rules[0]));
        if (!rules.rules)
                return error_oom(error);

        json_array_foreach(list, i, value) {
                r = trust_rule_parse(value, &rules.rules[i], error);
                if (r < 0)
                        return r;
                rules.n_rules++;
        }

        (void) snprintf(rules.scope, sizeof(rules.scope), "%s", where);
        *ret = TAKE_STRUCT(rules);
        return 0;
}

/* A scope that no image is in would leave the decision to another one, which may accept. */
static int check_scope(const char *transport, const char *scope, Error *error) {
        char quoted[TEXT_QUOTE_MAX];

        if (trust_scope_is_possible(transport, scope))
                return 0;

        return error_set(
                error, EINVAL, ERROR_NOT_TRUSTED,
                "No image is in the scope '%s' of %s in the " WHAT
                "; expected \"\", or an absolute path in its shortest form, without a tag",
                text_quote(scope, quoted), transport);
}

/* What is not selected must be right, too. */
static int check_scopes(const char *transport, const json_t *scopes, Error *error) {
        const char *scope;
        json_t *list;
        int r;

        json_object_foreach((json_t *) scopes, scope, list) {
                _cleanup_(trust_rules_done) TrustRules rules = { 0 };

                r = check_scope(transport, scope, error);
                if (r >= 0)
                        r = read_rules(list, scope, &rules, error);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int check_transports(const json_t *transports, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        const char *transport;
        json_t *scopes;
        int r;

        json_object_foreach((json_t *) transports, transport, scopes) {
                if (!json_is_object(scopes))
                        return error_set(
                                error, EINVAL, ERROR_NOT_TRUSTED,
                                "'%s' in the " WHAT " is not an object",
                                text_quote(transport, quoted));
                r = check_scopes(transport, scopes, error);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* The rules of one scope. Other spellings of it count only where its own has none. */
static const json_t *get_scope(
        const json_t *scopes, const TrustImage *image, const TrustScope *scope, const char **ret) {
        json_t *list = json_object_get(scopes, scope->text);
        const char *text;

        *ret = scope->text;
        if (list || !image->reference)
                return list;

        json_object_foreach((json_t *) scopes, text, list) {
                *ret = text;
                if (trust_scope_is_spelled(scope, text))
                        return list;
        }

        return NULL;
}

/* The rules of the most specific scope; NULL if the transport has none for the image. */
static const json_t *find_scope(
        const json_t *transports, const TrustImage *image, TrustScope *scope, const char **ret) {
        const json_t *scopes = json_object_get(transports, image->transport);
        const json_t *list;

        trust_scope_first(image, scope);
        do {
                list = get_scope(scopes, image, scope, ret);
        } while (!list && trust_scope_next(scope));
        return list;
}

int trust_policy_select(
        const void *text, size_t size, const TrustImage *image, TrustRules *ret, Error *error) {
        static const char *const names[] = { "default", "transports", NULL };
        _cleanup_(trust_rules_done) TrustRules fallback = { 0 };
        const json_t *transports, *list;
        json_auto_t *policy = NULL;
        TrustScope scope;
        const char *name;
        char where[sizeof(ret->scope)];
        int r;

        r = trust_json_load(text, size, WHAT, &policy, error);
        if (r >= 0)
                r = trust_json_check_keys(policy, names, WHAT, error);
        if (r >= 0)
                r = read_rules(json_object_get(policy, "default"), "default", &fallback, error);
        if (r < 0)
                return r;

        transports = json_object_get(policy, "transports");
        if (transports && !json_is_object(transports))
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "'transports' in the " WHAT " is not an object");
        r = check_transports(transports, error);
        if (r < 0)
                return r;

        list = find_scope(transports, image, &scope, &name);
        if (!list) {
                *ret = TAKE_STRUCT(fallback);
                return 0;
        }

        (void) snprintf(where, sizeof(where), "%s:%s", image->transport, name);
        return read_rules(list, where, ret, error);
}
