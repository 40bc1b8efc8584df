/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step-verdict.h"

#define REASONS_MAX      ((size_t) 4) /* that a message has; the others are counted */
#define REASON_BYTES_MAX ((size_t) 400)

void step_verdict_done(StepVerdict *verdict) {
        for (size_t i = 0; i < verdict->n_demands; i++)
                for (size_t j = 0; j < verdict->demands[i].n_keys; j++)
                        trust_key_free(verdict->demands[i].keys[j]);
        for (size_t i = 0; i < verdict->n_signatures; i++)
                free(verdict->signatures[i].data);
        free(verdict->demands);
        free(verdict->signatures);
        *verdict = (StepVerdict){ 0 };
}

int step_verdict_add_demand(
        StepVerdict *verdict, const TrustIdentity *identity, StepDemand **ret, Error *error) {
        StepDemand *more;

        more = reallocarray(verdict->demands, verdict->n_demands + 1, sizeof(*more));
        if (!more)
                return error_oom(error);

        verdict->demands = more;
        *ret = &more[verdict->n_demands++];
        **ret = (StepDemand){ .identity = identity };
        return 0;
}

void step_demand_add_key(StepDemand *demand, TrustKey *key) {
        assert(demand->n_keys < TRUST_KEYS_MAX);
        demand->keys[demand->n_keys++] = key;
}

static int out_of_place(Error *error) {
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "The daemon's message about a signature is out of place");
}

/* The daemon checks the limits as well: what it sends here is what another worker said. */
static int add_signature(StepVerdict *verdict, const ProtoSignature *head, Error *error) {
        StepSignature *more;

        if (verdict->n_signatures == PROTO_SIGNATURES_MAX ||
            head->size > PROTO_SIGNATURES_BYTES_MAX - verdict->n_bytes)
                return out_of_place(error);

        more = reallocarray(verdict->signatures, verdict->n_signatures + 1, sizeof(*more));
        if (!more)
                return error_oom(error);

        verdict->signatures = more;
        more += verdict->n_signatures++;
        *more = (StepSignature){ .head = *head, .data = malloc((size_t) head->size + 1) };
        verdict->n_bytes += head->size;
        return more->data ? 0 : error_oom(error);
}

static int add_data(StepVerdict *verdict, const ProtoSignatureData *data, Error *error) {
        StepSignature *last;

        if (verdict->n_signatures == 0)
                return out_of_place(error);

        last = &verdict->signatures[verdict->n_signatures - 1];
        if (data->size > last->head.size - last->size)
                return out_of_place(error);

        memcpy(last->data + last->size, data->data, data->size);
        last->size += data->size;
        return 0;
}

/* Whether the last one has all of its bytes. */
static bool is_complete(const StepVerdict *verdict) {
        const StepSignature *last = verdict->signatures;

        if (verdict->n_signatures == 0)
                return true;
        last += verdict->n_signatures - 1;
        return last->size == last->head.size;
}

int step_verdict_receive(StepVerdict *verdict, int socket_fd, Error *error) {
        ProtoMessage message;
        int r = 0;

        while (r >= 0) {
                _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;

                r = proto_receive(socket_fd, &message, &fds, error);
                if (r == 0)
                        return error_set(error, EPIPE, ERROR_INTERRUPTED, "The daemon has exited");
                if (r < 0)
                        return r;

                if (message.type == PROTO_SIGNATURE_DATA)
                        r = add_data(verdict, &message.signature_data, error);
                else if (!is_complete(verdict))
                        r = out_of_place(error);
                else if (message.type == PROTO_SIGNATURE)
                        r = add_signature(verdict, &message.signature, error);
                else
                        return message.type == PROTO_SIGNATURES_END ? 0 : out_of_place(error);
        }

        return r;
}

/* Why no signature satisfies a demand. */
typedef struct Reasons {
        char text[REASONS_MAX * REASON_BYTES_MAX];
        size_t used; /* bytes */
        size_t n;
} Reasons;

static void add_reason(Reasons *reasons, const StepSignature *signature, const char *why) {
        const size_t room = sizeof(reasons->text) - reasons->used;
        int length;

        if (reasons->n++ >= REASONS_MAX)
                return;
        length = snprintf(
                reasons->text + reasons->used, room, "%s%s: %.300s", reasons->used > 0 ? "; " : "",
                trust_form_to_string(signature->head.form), why);
        if (length > 0)
                reasons->used += (size_t) length < room ? (size_t) length : room - 1;
}

static int refuse(const StepVerdictImage *image, const Reasons *reasons, Error *error) {
        char digest[DIGEST_STRING_MAX], more[64] = "";

        digest_format(&image->digest, digest);
        if (reasons->n == 0)
                return error_set(
                        error, EACCES, ERROR_NOT_TRUSTED,
                        "The image is not trusted: %s demands a signature (rule " TRUST_RULE_SIGNED_TYPE
                        ", scope "
                        "%s), but %s has none",
                        image->policy, image->scope, digest);
        if (reasons->n > REASONS_MAX)
                (void) snprintf(more, sizeof(more), "; and %zu more", reasons->n - REASONS_MAX);
        return error_set(
                error, EACCES, ERROR_NOT_TRUSTED,
                "The image is not trusted: %s demands a signature (rule " TRUST_RULE_SIGNED_TYPE
                ", scope %s), but "
                "of those of %s none is accepted: %s%s",
                image->policy, image->scope, digest, reasons->text, more);
}

static int tell_accepted(
        const StepSignature *signature,
        const TrustAcceptance *acceptance,
        int socket_fd,
        Error *error) {
        ProtoMessage message = {
                .type = PROTO_TRUST_ACCEPTED,
                .trust_accepted = {
                        .form = signature->head.form,
                        .fingerprint = *trust_key_fingerprint(acceptance->key),
                },
        };

        (void) proto_text_set(
                message.trust_accepted.identity, sizeof(message.trust_accepted.identity),
                acceptance->claim.identity);
        return step_send(socket_fd, &message, error);
}

static int check(
        const StepDemand *demand,
        const StepVerdictImage *image,
        const StepSignature *signature,
        TrustAcceptance *ret,
        Error *error) {
        const TrustDemand what = {
                .keys = demand->keys,
                .n_keys = demand->n_keys,
                .identity = demand->identity,
                .image = image->reference,
                .digest = image->digest,
        };
        const TrustSignature candidate = {
                .form = (TrustForm) signature->head.form,
                .signature = signature->head.signature,
                .data = signature->data,
                .size = signature->size,
        };

        if (signature->head.problem[0] != '\0')
                return error_set(error, EACCES, ERROR_NOT_TRUSTED, "%s", signature->head.problem);
        return trust_check(&what, &candidate, ret, error);
}

static int judge_demand(
        const StepVerdict *verdict,
        const StepDemand *demand,
        const StepVerdictImage *image,
        int socket_fd,
        Error *error) {
        Reasons reasons = { 0 };

        for (size_t i = 0; i < verdict->n_signatures; i++) {
                const StepSignature *signature = &verdict->signatures[i];
                _cleanup_(error_clear) Error why = ERROR_NULL;
                TrustAcceptance acceptance;

                if (check(demand, image, signature, &acceptance, &why) >= 0)
                        return tell_accepted(signature, &acceptance, socket_fd, error);
                add_reason(&reasons, signature, error_text(&why));
        }

        return refuse(image, &reasons, error);
}

int step_verdict_judge(
        const StepVerdict *verdict, const StepVerdictImage *image, int socket_fd, Error *error) {
        int r = 0;

        static_assert(
                (int) TRUST_FORM_ATTACHED == (int) PROTO_SIGNATURE_ATTACHED &&
                        (int) TRUST_FORM_BUNDLE == (int) PROTO_SIGNATURE_BUNDLE,
                "a form is handed on as it is");

        for (size_t i = 0; r >= 0 && i < verdict->n_demands; i++)
                r = judge_demand(verdict, &verdict->demands[i], image, socket_fd, error);
        return r;
}
