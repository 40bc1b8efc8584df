/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Decides whether an image may be used: reads the policy and its keys as who the daemon is, and then, in a sandbox, what
 * the registry gave as signatures.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base-fd.h"
#include "sandbox.h"
#include "step-verdict.h"
#include "trust-policy.h"

/* A key of the caller's, which decides instead of a policy. */
#define GIVEN_KEY   "the given key"
#define GIVEN_SCOPE "any"

/* Everything that decides. */
typedef struct Deciding {
        const ProtoTrustStart *start; /* borrowed */
        Reference reference;          /* of "docker" */
        TrustRules rules;             /* owned; none: everything is accepted */
        StepVerdict verdict;          /* owned */
} Deciding;

static void deciding_done(Deciding *deciding) {
        trust_rules_done(&deciding->rules);
        step_verdict_done(&deciding->verdict);
}

/* Who decides, for a person. */
static const char *decider(const Deciding *deciding) {
        return deciding->start->policy[0] != '\0' ? deciding->start->policy : GIVEN_KEY;
}

static int reject(const Deciding *deciding, const TrustRule *rule, const char *how, Error *error) {
        return error_set(
                error, EACCES, ERROR_NOT_TRUSTED,
                "The image is not trusted: %s (rule %s, scope %s)", how, rule->name,
                deciding->rules.scope);
}

static int read_file(const char *path, size_t limit, char **ret, size_t *ret_size, Error *error) {
        /* A pipe would have nobody at its other end. */
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set(
                        error, errno, ERROR_NOT_TRUSTED, "Cannot open %s: %s", path,
                        strerror(errno));
        if (!S_ISREG(st.st_mode))
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED, "%s is not a regular file", path);

        r = fd_read_all(fd, limit, ret, ret_size);
        return r < 0 ? error_set(
                               error, -r, ERROR_NOT_TRUSTED, "Cannot read %s: %s", path,
                               strerror(-r))
                     : 0;
}

static int select_rules(Deciding *deciding, Error *error) {
        const ProtoTrustStart *start = deciding->start;
        const bool is_docker = strcmp(start->transport, "docker") == 0;
        const TrustImage image = {
                .transport = start->transport,
                .reference = is_docker ? &deciding->reference : NULL,
                .path = start->path[0] == '/' ? start->path : NULL,
        };
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (start->policy[0] != '/')
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "The signature policy %s is not an absolute path", start->policy);

        r = read_file(start->policy, TRUST_POLICY_MAX, &text, &size, error);
        if (r < 0)
                return r;
        r = trust_policy_select(text, size, &image, &deciding->rules, error);
        return r < 0 ? error_prefix(error, "%s", start->policy) : 0;
}

/* Whether rules reject the image, whatever its signatures. */
static int judge_rules(const Deciding *deciding, bool *ret_needs_signatures, Error *error) {
        const ProtoTrustStart *start = deciding->start;
        char how[sizeof(start->policy) + 128];
        bool is_signed = false;

        for (size_t i = 0; i < deciding->rules.n_rules; i++) {
                const TrustRule *rule = &deciding->rules.rules[i];
                const char *why = NULL;

                if (rule->kind == TRUST_RULE_REJECT)
                        why = "rejects it";
                else if (rule->kind == TRUST_RULE_UNSUPPORTED)
                        why = "has a rule for it that is not supported";
                else if (rule->kind == TRUST_RULE_SIGNED && start->reference[0] == '\0')
                        why = "demands a signature, which only an image from a registry can have";
                is_signed = is_signed || rule->kind == TRUST_RULE_SIGNED;
                if (!why)
                        continue;
                (void) snprintf(how, sizeof(how), "%s %s", start->policy, why);
                return reject(deciding, rule, how, error);
        }

        *ret_needs_signatures = is_signed;
        if (!start->require_signed || is_signed)
                return 0;
        if (deciding->rules.n_rules == 0)
                return error_set(
                        error, EACCES, ERROR_NOT_TRUSTED,
                        "The image is not trusted: a signature is required, but there is no signature "
                        "policy that demands one");
        (void) snprintf(
                how, sizeof(how), "a signature is required, but %s demands none", start->policy);
        return reject(deciding, &deciding->rules.rules[0], how, error);
}

static int load_key(const TrustKeySource *source, TrustKey **ret, Error *error) {
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (!source->path)
                return trust_key_parse(source->data, source->size, "keyData", ret, error);

        r = read_file(source->path, TRUST_KEY_FILE_MAX, &text, &size, error);
        return r < 0 ? r : trust_key_parse(text, size, source->path, ret, error);
}

static int send_key(int socket_fd, const TrustKey *key, Error *error) {
        ProtoMessage message = {
                .type = PROTO_TRUST_KEY,
                .trust_key.fingerprint = *trust_key_fingerprint(key),
        };

        (void) proto_text_set(
                message.trust_key.origin, sizeof(message.trust_key.origin), trust_key_origin(key));
        return step_send(socket_fd, &message, error);
}

/* Reads the keys of one rule, and demands a signature by one of them. */
static int add_demand(int socket_fd, Deciding *deciding, const TrustRule *rule, Error *error) {
        StepDemand *demand;
        int r;

        r = step_verdict_add_demand(&deciding->verdict, &rule->identity, &demand, error);
        for (size_t i = 0; r >= 0 && i < rule->n_sources; i++) {
                TrustKey *key;

                r = load_key(&rule->sources[i], &key, error);
                if (r < 0)
                        return error_prefix(
                                error, "The image is not trusted: a key of %s cannot be used",
                                decider(deciding));
                step_demand_add_key(demand, key);
                r = send_key(socket_fd, key, error);
        }

        return r;
}

static int send_decision(
        int socket_fd, const Deciding *deciding, bool needs_signatures, Error *error) {
        ProtoMessage message = {
                .type = PROTO_TRUST_DECISION,
                .trust_decision.needs_signatures = needs_signatures,
        };
        ProtoTrustDecision *decision = &message.trust_decision;
        const TrustRules *rules = &deciding->rules;
        const TrustRule *rule = NULL;

        /* The first one that makes the difference. */
        for (size_t i = rules->n_rules; i > 0; i--)
                if (!rule || rules->rules[i - 1].kind != TRUST_RULE_ACCEPT)
                        rule = &rules->rules[i - 1];

        (void) proto_text_set(decision->scope, sizeof(decision->scope), rules->scope);
        (void) proto_text_set(decision->rule, sizeof(decision->rule), rule ? rule->name : "");
        return step_send(socket_fd, &message, error);
}

/* A key that the caller gave, for any tag of the repository, is the whole policy. */
static int set_given_key(Deciding *deciding, int fd, Error *error) {
        _cleanup_(freep) char *text = NULL;
        TrustRule *rule;
        size_t size;
        int r;

        r = fd_read_all(fd, TRUST_KEY_FILE_MAX, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the given key");

        deciding->rules.rules = calloc(1, sizeof(*rule));
        rule = deciding->rules.rules;
        if (!rule)
                return error_oom(error);
        deciding->rules.n_rules = 1;
        rule->sources = calloc(1, sizeof(*rule->sources));
        if (!rule->sources)
                return error_oom(error);

        rule->kind = TRUST_RULE_SIGNED;
        strcpy(rule->name, TRUST_RULE_SIGNED_TYPE);
        strcpy(deciding->rules.scope, GIVEN_SCOPE);
        rule->identity.kind = TRUST_MATCH_REPOSITORY;
        rule->n_sources = 1;
        rule->sources[0] = (TrustKeySource){ .data = TAKE_PTR(text), .size = size };
        return 0;
}

/* Returns whether signatures are needed, or a negative errno: it is rejected. */
static int decide(int socket_fd, Deciding *deciding, int key_fd, Error *error) {
        const ProtoTrustStart *start = deciding->start;
        bool needs_signatures = false;
        int r = 0;

        if (start->reference[0] != '\0')
                r = reference_parse(start->reference, &deciding->reference, error);
        if (r >= 0 && key_fd >= 0)
                r = set_given_key(deciding, key_fd, error);
        else if (r >= 0 && start->policy[0] != '\0')
                r = select_rules(deciding, error);
        if (r < 0)
                return r;

        r = judge_rules(deciding, &needs_signatures, error);
        if (r < 0) {
                /* Whoever asked wants to know by which rule it is rejected. */
                (void) send_decision(socket_fd, deciding, false, NULL);
                return r;
        }

        r = send_decision(socket_fd, deciding, needs_signatures, error);
        for (size_t i = 0; r >= 0 && i < deciding->rules.n_rules; i++)
                if (deciding->rules.rules[i].kind == TRUST_RULE_SIGNED)
                        r = add_demand(socket_fd, deciding, &deciding->rules.rules[i], error);
        return r < 0 ? r : needs_signatures;
}

/* Receives the signatures, and judges them. */
static int judge_signatures(int socket_fd, Deciding *deciding, Error *error) {
        StepVerdictImage image = {
                .reference = &deciding->reference,
                .policy = decider(deciding),
                .scope = deciding->rules.scope,
        };
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_TOP, &message, NULL, error);
        if (r < 0)
                return r;

        image.digest = message.top.digest;
        r = step_verdict_receive(&deciding->verdict, socket_fd, error);
        return r < 0 ? r : step_verdict_judge(&deciding->verdict, &image, socket_fd, error);
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        _cleanup_(deciding_done) Deciding deciding = { 0 };
        ProtoTrustStart start;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_TRUST_START, &message, &fds, error);
        if (r < 0)
                return r;

        start = message.trust_start;
        deciding.start = &start;
        r = decide(socket_fd, &deciding, fds.fds[0], error);
        if (r <= 0)
                return r;

        if (start.sandbox != SANDBOX_NO)
                r = step_tell_open(
                        socket_fd,
                        sandbox_enter_blob((SandboxMode) start.sandbox, start.user, error), error);
        return r < 0 ? r : judge_signatures(socket_fd, &deciding, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
