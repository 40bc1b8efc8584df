/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "base-text.h"
#include "trust-base64.h"
#include "trust-json.h"
#include "trust-rule.h"

#define WHAT "signature policy"

/* Types of rules. Those with keys of their own are looked at further, or not at all. */
static const struct {
        const char *type;
        TrustRuleKind kind;
} types[] = {
        { "insecureAcceptAnything", TRUST_RULE_ACCEPT }, { "reject", TRUST_RULE_REJECT },
        { TRUST_RULE_SIGNED_TYPE, TRUST_RULE_SIGNED },   { "signedBy", TRUST_RULE_UNSUPPORTED },
        { "signedBaseLayer", TRUST_RULE_UNSUPPORTED },
};

/* What else a signature can be proved by. Ignoring it would accept more than the rule does. */
static const char *const unsupported_keys[] = {
        "fulcio",
        "pki",
        "rekorPublicKeyData",
        "rekorPublicKeyDatas",
        "rekorPublicKeyPath",
        "rekorPublicKeyPaths",
};

void trust_rule_done(TrustRule *rule) {
        for (size_t i = 0; i < rule->n_sources; i++) {
                free(rule->sources[i].path);
                free(rule->sources[i].data);
        }
        free(rule->sources);
        *rule = (TrustRule){ 0 };
}

static int set_data(TrustKeySource *source, const char *text, const char *key, Error *error) {
        uint8_t *data;
        int r;

        r = trust_base64_decode(text, &data, &source->size);
        if (r == -ENOMEM)
                return error_oom(error);
        if (r < 0)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED, "'%s' in the " WHAT " is not base64",
                        key);

        source->data = (char *) data;
        return 0;
}

static int set_path(TrustKeySource *source, const char *text, const char *key, Error *error) {
        if (text[0] != '/')
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "'%s' in the " WHAT " is not an absolute path", key);

        source->path = strdup(text);
        return source->path ? 0 : error_oom(error);
}

static int add_source(
        TrustRule *rule, const json_t *value, bool is_path, const char *key, Error *error) {
        const char *text = json_string_value(value);
        TrustKeySource *source;

        if (!text)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED, "'%s' in the " WHAT " is not a string",
                        key);

        source = &rule->sources[rule->n_sources++];
        return is_path ? set_path(source, text, key, error) : set_data(source, text, key, error);
}

/* "keyPath" and "keyData" have one key, "keyPaths" and "keyDatas" an array of them. */
static int read_sources(
        const json_t *value, const char *key, bool is_path, TrustRule *rule, Error *error) {
        const json_t *keys = json_object_get(value, key);
        const bool is_list = key[strlen(key) - 1] == 's';
        size_t n = is_list ? json_array_size(keys) : 1;
        int r = 0;

        if (is_list && !json_is_array(keys))
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED, "'%s' in the " WHAT " is not an array",
                        key);
        if (n == 0 || n > TRUST_KEYS_MAX)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "'%s' in the " WHAT " has %zu keys; expected 1 to %zu", key, n,
                        TRUST_KEYS_MAX);

        rule->sources = calloc(n, sizeof(rule->sources[0]));
        if (!rule->sources)
                return error_oom(error);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_source(rule, is_list ? json_array_get(keys, i) : keys, is_path, key, error);
        return r;
}

static int read_keys(const json_t *value, TrustRule *rule, Error *error) {
        static const char *const names[] = { "keyPath", "keyPaths", "keyData", "keyDatas" };
        const char *found = NULL;
        bool is_path = false;

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                if (!json_object_get(value, names[i]))
                        continue;
                if (found)
                        return error_set(
                                error, EINVAL, ERROR_NOT_TRUSTED,
                                "The " WHAT " has both '%s' and '%s' in one rule", found, names[i]);
                found = names[i];
                is_path = i < 2;
        }

        if (!found)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "The " WHAT " has a rule " TRUST_RULE_SIGNED_TYPE " without a key");
        return read_sources(value, found, is_path, rule, error);
}

static int read_signed(const json_t *value, TrustRule *rule, Error *error) {
        static const char *const names[] = {
                "type",
                "keyPath",
                "keyPaths",
                "keyData",
                "keyDatas",
                "signedIdentity",
                "fulcio",
                "pki",
                "rekorPublicKeyData",
                "rekorPublicKeyDatas",
                "rekorPublicKeyPath",
                "rekorPublicKeyPaths",
                NULL,
        };
        const json_t *identity = json_object_get(value, "signedIdentity");
        int r;

        r = trust_json_check_keys(value, names, WHAT, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < N_ELEMENTS(unsupported_keys); i++)
                if (json_object_get(value, unsupported_keys[i])) {
                        rule->kind = TRUST_RULE_UNSUPPORTED;
                        (void) snprintf(
                                rule->name, sizeof(rule->name), TRUST_RULE_SIGNED_TYPE " with '%s'",
                                unsupported_keys[i]);
                        return 0;
                }

        r = identity ? trust_identity_parse(identity, &rule->identity, error) : 0;
        return r < 0 ? r : read_keys(value, rule, error);
}

static int read_type(const json_t *value, TrustRule *rule, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        const char *type;
        int r;

        r = trust_json_get_string(value, "type", WHAT, &type, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < N_ELEMENTS(types); i++)
                if (strcmp(type, types[i].type) == 0) {
                        rule->kind = types[i].kind;
                        (void) snprintf(rule->name, sizeof(rule->name), "%s", type);
                        return 0;
                }

        return error_set(
                error, EINVAL, ERROR_NOT_TRUSTED,
                "The " WHAT " has a rule of the unknown type '%s'", text_quote(type, quoted));
}

int trust_rule_parse(const json_t *value, TrustRule *ret, Error *error) {
        static const char *const plain[] = { "type", NULL };
        _cleanup_(trust_rule_done) TrustRule rule = { 0 };
        int r;

        r = read_type(value, &rule, error);
        if (r >= 0 && rule.kind == TRUST_RULE_SIGNED)
                r = read_signed(value, &rule, error);
        else if (r >= 0 && rule.kind != TRUST_RULE_UNSUPPORTED)
                r = trust_json_check_keys(value, plain, WHAT, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(rule);
        return 0;
}
