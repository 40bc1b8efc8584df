/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "client-intl.h"
#include "client-json.h"
#include "client-outcome.h"
#include "client-table.h"
#include "client-verdict.h"

static const struct StringField {
        const char *key;
        size_t offset;
} string_fields[] = {
        { "name", offsetof(ClientVerdict, name) },
        { "digest", offsetof(ClientVerdict, digest) },
        { "policy", offsetof(ClientVerdict, policy) },
        { "rule", offsetof(ClientVerdict, rule) },
        { "scope", offsetof(ClientVerdict, scope) },
        { "reason", offsetof(ClientVerdict, reason) },
};

void client_verdict_done(ClientVerdict *verdict) {
        free(verdict->keys);
        free(verdict->signatures);
        sd_bus_message_unref(verdict->reply);
        *verdict = VERDICT_NULL;
}

static int read_keys(ClientVerdict *verdict) {
        ClientVerdictKey key, *more;
        int r;

        while ((r = sd_bus_message_read(verdict->reply, "(ss)", &key.fingerprint, &key.origin)) >
               0) {
                if (verdict->n_keys == VERDICT_LIST_MAX)
                        return -E2BIG;
                more = reallocarray(verdict->keys, verdict->n_keys + 1, sizeof(key));
                if (!more)
                        return -ENOMEM;
                verdict->keys = more;
                more[verdict->n_keys++] = key;
        }

        return r;
}

static int read_signatures(ClientVerdict *verdict) {
        ClientVerdictSignature signature, *more;
        int r;

        while ((r = sd_bus_message_read(
                        verdict->reply, "(sss)", &signature.form, &signature.fingerprint,
                        &signature.identity)) > 0) {
                if (verdict->n_signatures == VERDICT_LIST_MAX)
                        return -E2BIG;
                more = reallocarray(
                        verdict->signatures, verdict->n_signatures + 1, sizeof(signature));
                if (!more)
                        return -ENOMEM;
                verdict->signatures = more;
                more[verdict->n_signatures++] = signature;
        }

        return r;
}

static int read_list(
        ClientVerdict *verdict,
        const char *type,
        const char *element,
        int (*read)(ClientVerdict *verdict)) {
        int r;

        r = sd_bus_message_enter_container(verdict->reply, 'v', type);
        if (r >= 0)
                r = sd_bus_message_enter_container(verdict->reply, 'a', element);
        if (r >= 0)
                r = read(verdict);
        if (r >= 0)
                r = sd_bus_message_exit_container(verdict->reply);
        return r < 0 ? r : sd_bus_message_exit_container(verdict->reply);
}

static int read_value(ClientVerdict *verdict, const char *key) {
        for (size_t i = 0; i < N_ELEMENTS(string_fields); i++)
                if (strcmp(string_fields[i].key, key) == 0)
                        return sd_bus_message_read(
                                verdict->reply, "v", "s",
                                (char *) verdict + string_fields[i].offset);

        if (strcmp(key, "accepted") == 0)
                return sd_bus_message_read(verdict->reply, "v", "b", &verdict->is_accepted);
        if (strcmp(key, "keys") == 0)
                return read_list(verdict, "a(ss)", "(ss)", read_keys);
        if (strcmp(key, "signatures") == 0)
                return read_list(verdict, "a(sss)", "(sss)", read_signatures);
        return sd_bus_message_skip(verdict->reply, "v");
}

static int read_all(ClientVerdict *verdict) {
        const char *key;
        int r;

        r = sd_bus_message_enter_container(verdict->reply, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(verdict->reply, 'e', "sv")) > 0) {
                r = sd_bus_message_read(verdict->reply, "s", &key);
                if (r >= 0)
                        r = read_value(verdict, key);
                if (r >= 0)
                        r = sd_bus_message_exit_container(verdict->reply);
                if (r < 0)
                        return r;
        }

        return r;
}

int client_verdict_read(ClientVerdict *verdict, Error *error) {
        const int r = read_all(verdict);

        return r < 0 ? client_error_set_message(error, r) : 0;
}

static int add_keys(ClientTable *table, const ClientVerdict *verdict, Error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < verdict->n_keys; i++) {
                _cleanup_(freep) char *text = NULL;

                if (asprintf(
                            &text, "%s (%s)", verdict->keys[i].fingerprint,
                            verdict->keys[i].origin) < 0) {
                        text = NULL;
                        return error_oom(error);
                }
                r = client_table_add(
                        table, (const char *const[]){ i == 0 ? _("Keys:") : "", text }, error);
        }

        return r;
}

static int add_signatures(ClientTable *table, const ClientVerdict *verdict, Error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < verdict->n_signatures; i++) {
                const ClientVerdictSignature *signature = &verdict->signatures[i];
                _cleanup_(freep) char *text = NULL;

                if (asprintf(
                            &text, "%s, %s, %s", signature->form, signature->fingerprint,
                            signature->identity[0] != '\0' ? signature->identity
                                                           : _("without a name")) < 0) {
                        text = NULL;
                        return error_oom(error);
                }
                r = client_table_add(
                        table, (const char *const[]){ i == 0 ? _("Signed:") : "", text }, error);
        }

        return r;
}

int client_verdict_print(const ClientVerdict *verdict, FILE *file, Error *error) {
        static const ClientTableColumn columns[] = { { "", .is_right = true }, { "" } };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        const char *const pairs[][2] = {
                { _("Name:"), verdict->name },
                { _("Digest:"), verdict->digest },
                { _("Decision:"), verdict->is_accepted ? _("accepted") : _("rejected") },
                { _("Reason:"), verdict->reason },
                { _("Policy:"), verdict->policy },
                { _("Rule:"), verdict->rule },
                { _("Scope:"), verdict->scope },
        };
        int r;

        r = client_table_new(columns, N_ELEMENTS(columns), &table, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(pairs); i++)
                r = client_table_add_pair(table, pairs[i][0], pairs[i][1], error);
        if (r >= 0)
                r = add_keys(table, verdict, error);
        if (r >= 0)
                r = add_signatures(table, verdict, error);
        if (r < 0)
                return r;

        client_table_print(table, false, file);
        return 0;
}

void client_verdict_print_json(const ClientVerdict *verdict, FILE *file) {
        ClientJson json = JSON_INIT(file);

        client_json_object_begin(&json, NULL);
        client_json_bool(&json, "accepted", verdict->is_accepted);
        for (size_t i = 0; i < N_ELEMENTS(string_fields); i++) {
                const char *text;

                memcpy(&text, (const char *) verdict + string_fields[i].offset, sizeof(text));
                client_json_string(&json, string_fields[i].key, text);
        }

        client_json_array_begin(&json, "keys");
        for (size_t i = 0; i < verdict->n_keys; i++) {
                client_json_object_begin(&json, NULL);
                client_json_string(&json, "fingerprint", verdict->keys[i].fingerprint);
                client_json_string(&json, "origin", verdict->keys[i].origin);
                client_json_object_end(&json);
        }
        client_json_array_end(&json);

        client_json_array_begin(&json, "signatures");
        for (size_t i = 0; i < verdict->n_signatures; i++) {
                client_json_object_begin(&json, NULL);
                client_json_string(&json, "form", verdict->signatures[i].form);
                client_json_string(&json, "fingerprint", verdict->signatures[i].fingerprint);
                client_json_string(&json, "identity", verdict->signatures[i].identity);
                client_json_object_end(&json);
        }
        client_json_array_end(&json);
        client_json_object_end(&json);
        client_json_finish(&json);
}
