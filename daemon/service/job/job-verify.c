/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

#include "job-verify.h"

/* A worker, and its blob. */
struct JobVerify {
        JobVerify *next;               /* in the pool's list */
        JobVerifyPool *pool;           /* borrowed; NULL: none, or it was freed */
        const JobContext *context;     /* borrowed */
        JobProcess *process;           /* owned */
        const JobVerifyEvents *events; /* borrowed; NULL: it is idle */
        void *userdata;                /* borrowed */
        bool is_of_pool;               /* is or was */
        bool is_done;                  /* the blob is right */
        bool is_ending;                /* it gets no more blobs */
};

struct JobVerifyPool {
        JobVerify *workers; /* owned, except those that are busy when it is freed */
        size_t n_workers;
        bool is_closed;
};

JobVerifyPool *job_verify_pool_new(void) {
        return calloc(1, sizeof(JobVerifyPool));
}

static void leave_pool(JobVerify *verify) {
        JobVerify **p;

        if (!verify->pool)
                return;

        p = &verify->pool->workers;
        while (*p != verify)
                p = &(*p)->next;
        *p = verify->next;
        verify->pool->n_workers--;
        verify->pool = NULL;
}

void job_verify_stop(JobVerify *verify) {
        verify->is_ending = true;
        job_process_stop(verify->process);
}

JobVerify *job_verify_kill(JobVerify *verify) {
        if (!verify)
                return NULL;

        leave_pool(verify);
        job_process_free(verify->process);
        free(verify);
        return NULL;
}
DEFINE_CLEANUP(JobVerify, job_verify_kill);

void job_verify_pool_close(JobVerifyPool *pool) {
        pool->is_closed = true;
        for (JobVerify *verify = pool->workers; verify; verify = verify->next)
                if (!verify->events)
                        job_verify_stop(verify);
}

JobVerifyPool *job_verify_pool_free(JobVerifyPool *pool) {
        JobVerify *next;

        if (!pool)
                return NULL;

        for (JobVerify *verify = pool->workers; verify; verify = next) {
                next = verify->next;
                if (verify->events)
                        leave_pool(verify);
                else
                        job_verify_kill(verify);
        }
        free(pool);
        return NULL;
}

/* Report the end of its blob. */
static void conclude(JobVerify *verify, ProtoOutcome outcome, const Error *result) {
        const JobVerifyEvents *events = verify->events;

        verify->events = NULL;
        events->ended(verify->userdata, outcome, result);
}

/* A worker that was taken over may have kept the file open. */
static void on_done(JobVerify *verify) {
        verify->is_done = true;
        if (!verify->events->done(verify->userdata) || !verify->pool) {
                job_verify_stop(verify);
                return;
        }

        if (verify->pool->is_closed)
                job_verify_stop(verify);
        conclude(verify, PROTO_OUTCOME_DONE, &ERROR_NULL);
}

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        JobVerify *verify = userdata;

        if (!verify->events || verify->is_done ||
            (message->type == PROTO_VERIFY_DONE && !verify->is_of_pool)) {
                log_print(
                        verify->context->log, LOG_WARNING,
                        "The verify worker broke the protocol: message of type %u is out of place",
                        message->type);
                job_verify_stop(verify);
        } else if (message->type == PROTO_VERIFY_DONE)
                on_done(verify);
        else
                verify->events->message(verify->userdata, message);
}

static void on_ended(void *userdata, const Error *error) {
        _cleanup_(job_verify_killp) JobVerify *verify = userdata;
        _cleanup_(error_clear) Error result = ERROR_NULL;
        ProtoOutcome outcome = job_process_outcome(verify->process);

        leave_pool(verify);
        if (!verify->events) {
                if (error->code != 0 && !verify->is_ending)
                        log_print(
                                verify->context->log, LOG_WARNING, "While idle: %s",
                                error_text(error));
                return;
        }

        /* A killed worker that does not end may still be writing. */
        if (verify->is_done && error->code != ETIMEDOUT)
                outcome = PROTO_OUTCOME_DONE;
        else if (error->code != 0)
                (void) error_copy(&result, error);
        else if (verify->is_of_pool) {
                outcome = PROTO_OUTCOME_FAILED;
                error_set(
                        &result, EBADMSG, ERROR_WORKER_FAILED,
                        "The verify worker broke the protocol: the end is out of place");
        }
        conclude(verify, outcome, &result);
}

static const JobProcessEvents process_events = {
        .message = on_message,
        .ended = on_ended,
};

static JobVerify *find_idle(const JobVerifyPool *pool) {
        for (JobVerify *verify = pool->workers; verify; verify = verify->next)
                if (!verify->events && !verify->is_ending)
                        return verify;

        return NULL;
}

static void join_pool(JobVerify *verify, JobVerifyPool *pool) {
        verify->pool = pool;
        verify->is_of_pool = true;
        verify->next = pool->workers;
        pool->workers = verify;
        pool->n_workers++;
}

static int start_worker(const JobContext *context, JobVerify **ret, Error *error) {
        _cleanup_(job_verify_killp) JobVerify *verify = calloc(1, sizeof(*verify));
        ProtoMessage start = {
                .type = PROTO_VERIFY_START,
                .verify_start.sandbox = context->config->sandbox,
        };
        int r;

        if (!verify)
                return error_oom(error);

        verify->context = context;
        r = job_process_start(
                context, WORKER_VERIFY, &process_events, verify, &verify->process, error);
        if (r < 0)
                return r;

        start.verify_start.user = job_user_id(job_process_user(verify->process));
        job_process_send(verify->process, &start, NULL, 0);
        *ret = TAKE_PTR(verify);
        return 0;
}

void job_verify_pool_start(JobVerifyPool *pool, const JobContext *context) {
        JobVerify *verify;

        if (!pool->is_closed && !pool->workers && start_worker(context, &verify, NULL) >= 0)
                join_pool(verify, pool);
}

int job_verify_start(
        const JobContext *context,
        const JobVerifyRequest *request,
        const JobVerifyEvents *events,
        void *userdata,
        JobVerify **ret,
        Error *error) {
        JobVerifyPool *pool = request->pool;
        ProtoMessage message = { .type = PROTO_VERIFY_BLOB, .verify_blob = request->blob };
        const int fds[] = { request->file_fd, request->pipe_fd };
        JobVerify *verify = pool && !pool->is_closed ? find_idle(pool) : NULL;
        int r;

        if (!verify) {
                r = start_worker(context, &verify, error);
                if (r < 0)
                        return r;
                if (pool && !pool->is_closed && pool->n_workers < VERIFY_POOL_MAX)
                        join_pool(verify, pool);
        }

        verify->events = events;
        verify->userdata = userdata;
        verify->is_done = false;
        message.verify_blob.is_last = !verify->is_of_pool;
        job_process_send(verify->process, &message, fds, request->pipe_fd >= 0 ? 2 : 1);
        *ret = verify;
        return 0;
}

bool job_verify_may_serve(const JobVerify *verify, const JobVerifyPool *pool) {
        return !verify->is_of_pool || (verify->pool && verify->pool == pool);
}

void job_verify_send(JobVerify *verify, const ProtoMessage *message) {
        job_process_send(verify->process, message, NULL, 0);
}
