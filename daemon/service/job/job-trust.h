/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the signature policy lets an image be used: a trust worker, which reads the policy and judges the signatures
 * that a fetch worker found.
 *
 *     job_trust_start() ─▶ needs_signatures() ─▶ job_trust_set_top() ─▶ job_trust_pass()* ─▶ ended() ─▶ job_trust_free()
 *             └──────────────────────────────────────────────────────────────────────────────▲
 *
 * ended() is called exactly once, as the last thing.
 */

#include "job-context.h"
#include "job-process.h"
#include "job-spec.h"

typedef struct JobTrust JobTrust;

typedef struct JobTrustEvents {
        /* The rules demand signatures, and the keys are known. */
        void (*needs_signatures)(void *userdata);

        void (*warning)(void *userdata, const char *text);

        /* @error is empty if the image may be used. */
        void (*ended)(void *userdata, const Error *error);
} JobTrustEvents;

/* What the worker said about a decision; texts are as in the messages. */
typedef struct JobTrustReport {
        const char *policy; /* borrowed; the file; NULL if there is none, or a key decides */
        bool is_decided;
        ProtoTrustDecision decision; /* if @is_decided */
        ProtoTrustKey *keys;         /* owned */
        size_t n_keys;
        ProtoTrustAccepted *accepted; /* owned; the signatures that satisfied the rules */
        size_t n_accepted;
} JobTrustReport;

/**
 * job_trust_start() - start
 * @spec:       of an image; borrowed as long as the result, as are @events and @userdata
 * @ret:        NULL if there is no policy and none is needed: every image may be used
 */
int job_trust_start(
        const JobContext *context,
        const JobSpec *spec,
        const JobTrustEvents *events,
        void *userdata,
        JobTrust **ret,
        Error *error);

/** job_trust_free() - release @trust (may be NULL) */
JobTrust *job_trust_free(JobTrust *trust);

/** job_trust_stop() - stop it, unless it has ended; ended() follows */
void job_trust_stop(JobTrust *trust);

/** job_trust_is_running() - whether ended() is still to come */
bool job_trust_is_running(const JobTrust *trust);

/** job_trust_set_top() - which document the image's name stands for, verified; if it needs signatures */
void job_trust_set_top(JobTrust *trust, const Digest *digest);

/**
 * job_trust_pass() - pass a fetch worker's message about a signature on
 *
 * -EBADMSG, without @error set, if there are too many, or too many bytes, or none are expected, or if they come in
 * another order or in smaller parts than proto-message.h says.
 */
int job_trust_pass(JobTrust *trust, const ProtoMessage *message);

/** job_trust_has_signatures() - whether the last one was passed on */
bool job_trust_has_signatures(const JobTrust *trust);

/** job_trust_report() - what is known so far; borrowed */
const JobTrustReport *job_trust_report(const JobTrust *trust);

DEFINE_CLEANUP(JobTrust, job_trust_free);
