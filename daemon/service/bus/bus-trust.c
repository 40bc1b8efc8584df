/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bus-trust.h"

typedef int (*AppendList)(sd_bus_message *reply, const JobTrustReport *report);

static int append_keys(sd_bus_message *reply, const JobTrustReport *report) {
        int r = 0;

        for (size_t i = 0; r >= 0 && report && i < report->n_keys; i++) {
                const ProtoTrustKey *key = &report->keys[i];
                char text[DIGEST_STRING_MAX];

                r = sd_bus_message_append(
                        reply, "(ss)", digest_format(&key->fingerprint, text), key->origin);
        }

        return r;
}

static int append_signatures(sd_bus_message *reply, const JobTrustReport *report) {
        int r = 0;

        for (size_t i = 0; r >= 0 && report && i < report->n_accepted; i++) {
                const ProtoTrustAccepted *accepted = &report->accepted[i];
                char text[DIGEST_STRING_MAX];

                r = sd_bus_message_append(
                        reply, "(sss)",
                        accepted->form == PROTO_SIGNATURE_BUNDLE ? "bundle" : "attached",
                        digest_format(&accepted->fingerprint, text), accepted->identity);
        }

        return r;
}

/* @type: of an element. */
static int append_list(
        sd_bus_message *reply,
        const char *key,
        const char *type,
        AppendList append,
        const JobTrustReport *report) {
        char array[16];
        int r;

        (void) snprintf(array, sizeof(array), "a%s", type);
        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', array);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', type);
        if (r >= 0)
                r = append(reply, report);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_decision(
        sd_bus_message *reply, const JobFetch *fetch, const JobTrustReport *report) {
        const bool is_decided = report && report->is_decided;
        const Digest *digest = job_fetch_digest(fetch);
        char text[DIGEST_STRING_MAX];

        return sd_bus_message_append(
                reply, "{sv}{sv}{sv}{sv}{sv}", "policy", "s",
                report && report->policy ? report->policy : "", "rule", "s",
                is_decided ? report->decision.rule : "", "scope", "s",
                is_decided ? report->decision.scope : "", "name", "s", job_fetch_name(fetch),
                "digest", "s", digest ? digest_format(digest, text) : "");
}

int bus_trust_answer(sd_bus_message *call, const JobFetch *fetch, const Error *error) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        const JobTrustReport *report = job_fetch_trust(fetch);
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}", "accepted", "b", (int) (error->code == 0), "reason", "s",
                        error->code != 0 ? error_text(error) : "");
        if (r >= 0)
                r = append_decision(reply, fetch, report);
        if (r >= 0)
                r = append_list(reply, "keys", "(ss)", append_keys, report);
        if (r >= 0)
                r = append_list(reply, "signatures", "(sss)", append_signatures, report);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
