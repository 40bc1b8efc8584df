/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-fd.h"
#include "job-spares.h"
#include "job-trust.h"

#define ACCEPTED_MAX ((size_t) 64) /* one for each rule */

struct JobTrust {
        const JobTrustEvents *events; /* borrowed */
        void *userdata;               /* borrowed */
        JobProcess *process;          /* owned; NULL once it has ended */
        bool has_top;
        bool is_passed; /* all signatures were */
        uint32_t n_signatures;
        uint32_t n_bytes; /* of all signatures that were announced */
        uint32_t n_left;  /* of the latest one: what has not arrived */
        JobTrustReport report;
        Error broken; /* the worker said too much */
};

static void out_of_place(JobTrust *trust, const char *what) {
        if (trust->broken.code == 0)
                error_set(
                        &trust->broken, EBADMSG, ERROR_WORKER_FAILED,
                        "The trust worker broke the protocol: %s is out of place", what);
        job_process_stop(trust->process);
}

static void on_decision(JobTrust *trust, const ProtoTrustDecision *decision) {
        if (trust->report.is_decided) {
                out_of_place(trust, "a second decision");
                return;
        }

        trust->report.decision = *decision;
        trust->report.is_decided = true;
        if (decision->needs_signatures)
                trust->events->needs_signatures(trust->userdata);
}

static void on_key(JobTrust *trust, const ProtoTrustKey *key) {
        JobTrustReport *report = &trust->report;
        ProtoTrustKey *more = NULL;

        if (report->is_decided && report->n_keys < PROTO_TRUST_KEYS_MAX)
                more = reallocarray(report->keys, report->n_keys + 1, sizeof(*more));
        if (!more) {
                out_of_place(trust, "a key");
                return;
        }

        report->keys = more;
        more[report->n_keys++] = *key;
}

static void on_accepted(JobTrust *trust, const ProtoTrustAccepted *accepted) {
        JobTrustReport *report = &trust->report;
        ProtoTrustAccepted *more = NULL;

        if (trust->is_passed && report->n_accepted < ACCEPTED_MAX)
                more = reallocarray(report->accepted, report->n_accepted + 1, sizeof(*more));
        if (!more) {
                out_of_place(trust, "a signature");
                return;
        }

        report->accepted = more;
        more[report->n_accepted++] = *accepted;
}

/* job_process_start() passes only messages that this kind of worker may send. */
static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        JobTrust *trust = userdata;

        if (message->type == PROTO_WARNING)
                trust->events->warning(trust->userdata, message->warning.text);
        else if (message->type == PROTO_TRUST_DECISION)
                on_decision(trust, &message->trust_decision);
        else if (message->type == PROTO_TRUST_KEY)
                on_key(trust, &message->trust_key);
        else
                on_accepted(trust, &message->trust_accepted);
}

/* Success is believed only of a worker that has said by which rule, and had what it needed. */
static void on_ended(void *userdata, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobTrust *trust = userdata;
        const JobTrustReport *report = &trust->report;

        trust->process = job_process_free(trust->process);
        if (trust->broken.code != 0)
                error_move(&error, &trust->broken);
        else if (result->code != 0)
                (void) error_copy(&error, result);
        else if (
                !report->is_decided ||
                (report->decision.needs_signatures && report->n_accepted == 0))
                error_set(
                        &error, EBADMSG, ERROR_WORKER_FAILED,
                        "The trust worker broke the protocol: the end is out of place");
        trust->events->ended(trust->userdata, &error);
}

static const JobProcessEvents process_events = { .message = on_message, .ended = on_ended };

/* The file or directory that was opened, whatever links led to it: the kernel knows its path. */
static void find_path(const JobSpec *spec, char *ret, size_t size) {
        char link[FD_PATH_MAX], path[1024];
        ssize_t length;

        if (spec->source_kind != JOB_SOURCE_FILES || spec->source_fd < 0)
                return;

        length = readlink(fd_path(spec->source_fd, link), path, sizeof(path) - 1);
        if (length <= 0 || path[0] != '/')
                return;
        path[length] = '\0';
        if (!proto_text_set(ret, size, path))
                memset(ret, 0, size);
}

static int send_start(
        JobTrust *trust, const JobContext *context, const JobSpec *spec, Error *error) {
        const bool is_registry = spec->source_kind == JOB_SOURCE_REGISTRY;
        ProtoMessage message = {
                .type = PROTO_TRUST_START,
                .trust_start = {
                        .require_signed = spec->require_signed,
                        .sandbox = context->config->sandbox,
                        .user = job_user_id(job_process_user(trust->process)),
                },
        };
        ProtoTrustStart *start = &message.trust_start;
        bool fits = true;

        if (is_registry) {
                (void) proto_text_set(start->transport, sizeof(start->transport), "docker");
                fits = proto_text_set(start->reference, sizeof(start->reference), spec->reference);
        } else
                (void) snprintf(
                        start->transport, sizeof(start->transport), "%.*s",
                        (int) strcspn(spec->fetch, ":"), spec->fetch);
        if (trust->report.policy)
                fits = fits &&
                       proto_text_set(start->policy, sizeof(start->policy), trust->report.policy);
        if (!fits)
                return error_set(
                        error, ENAMETOOLONG, ERROR_NOT_TRUSTED,
                        "The image is not trusted: the name of the signature policy cannot be handed on");

        find_path(spec, start->path, sizeof(start->path));
        job_process_send(trust->process, &message, &spec->key_fd, spec->key_fd >= 0 ? 1 : 0);
        return 0;
}

int job_trust_start(
        const JobContext *context,
        const JobSpec *spec,
        const JobTrustEvents *events,
        void *userdata,
        JobTrust **ret,
        Error *error) {
        const char *policy =
                spec->key_fd >= 0 ? NULL : config_policy_path(&context->config->policy);
        _cleanup_(job_trust_freep) JobTrust *trust = NULL;
        int r;

        if (!policy && !spec->require_signed && !spec->explain_trust) {
                *ret = NULL;
                return 0;
        }

        trust = calloc(1, sizeof(*trust));
        if (!trust)
                return error_oom(error);

        trust->events = events;
        trust->userdata = userdata;
        trust->report.policy = policy;
        r = job_spares_start(context, WORKER_TRUST, &process_events, trust, &trust->process, error);
        if (r >= 0)
                r = send_start(trust, context, spec, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(trust);
        return 0;
}

JobTrust *job_trust_free(JobTrust *trust) {
        if (!trust)
                return NULL;

        job_process_free(trust->process);
        free(trust->report.keys);
        free(trust->report.accepted);
        error_clear(&trust->broken);
        free(trust);
        return NULL;
}

void job_trust_stop(JobTrust *trust) {
        if (trust->process)
                job_process_stop(trust->process);
}

bool job_trust_is_running(const JobTrust *trust) {
        return trust->process != NULL;
}

void job_trust_set_top(JobTrust *trust, const Digest *digest) {
        const ProtoMessage message = { .type = PROTO_TOP, .top.digest = *digest };

        trust->has_top = true;
        if (trust->process)
                job_process_send(trust->process, &message, NULL, 0);
}

static int take_header(JobTrust *trust, const ProtoSignature *header) {
        if (trust->n_left > 0 || trust->n_signatures == PROTO_SIGNATURES_MAX ||
            header->size > PROTO_SIGNATURES_BYTES_MAX - trust->n_bytes)
                return -EBADMSG;

        trust->n_signatures++;
        trust->n_bytes += header->size;
        trust->n_left = header->size;
        return 0;
}

/* Only the last message of a signature may have room left: small ones would cost far more than their bytes. */
static int take_data(JobTrust *trust, const ProtoSignatureData *data) {
        const uint32_t room = sizeof(data->data);

        if (trust->n_left == 0 || data->size != (trust->n_left < room ? trust->n_left : room))
                return -EBADMSG;

        trust->n_left -= data->size;
        return 0;
}

static int take_end(JobTrust *trust) {
        if (trust->n_left > 0)
                return -EBADMSG;

        trust->is_passed = true;
        return 0;
}

int job_trust_pass(JobTrust *trust, const ProtoMessage *message) {
        int r;

        if (!trust->has_top || trust->is_passed)
                return -EBADMSG;

        if (message->type == PROTO_SIGNATURE)
                r = take_header(trust, &message->signature);
        else if (message->type == PROTO_SIGNATURE_DATA)
                r = take_data(trust, &message->signature_data);
        else
                r = take_end(trust);
        if (r < 0)
                return r;

        if (trust->process)
                job_process_send(trust->process, message, NULL, 0);
        return 0;
}

bool job_trust_has_signatures(const JobTrust *trust) {
        return trust->is_passed;
}

const JobTrustReport *job_trust_report(const JobTrust *trust) {
        return &trust->report;
}
