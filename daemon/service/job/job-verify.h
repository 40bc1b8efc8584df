/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verify workers, each of which hashes one blob at a time.
 *
 *     job_verify_start() ─▶ message()* [─▶ done()] ─▶ ended()
 *
 * A worker of a pool hashes one blob after the other of what one job brings, so that small ones do not cost
 * a process each. Who wrote the image, and got hold of the worker by one of its blobs, has the ones that come
 * later then: whatever is to be kept apart has a worker of its own.
 *
 * Also a worker that was taken over must not change a blob that has its name. So it is handed another one only
 * when nobody has the file of the last one open to write any more, and ended() follows the end of its process
 * otherwise.
 */

#include "job-process.h"

/* Of more at a time each has a worker of its own: a fetch worker brings a document, or a few layers. */
#define VERIFY_POOL_MAX ((size_t) 4)

typedef struct JobVerifyPool JobVerifyPool;
typedef struct JobVerify JobVerify;

typedef struct JobVerifyEvents {
        /* PROTO_VERIFY_READY, _GROWN or _FULL. */
        void (*message)(void *userdata, const ProtoMessage *message);

        /* The blob of a pool's worker is right: the file is to be closed, but for reading. Returns whether nobody
         * has it open to write any more. */
        bool (*done)(void *userdata);

        /* The last thing: the JobVerify is gone, and its worker writes into the file no more. @result is empty when the
         * blob is right; else what the worker reported, or how it died. */
        void (*ended)(void *userdata, ProtoOutcome outcome, const Error *result);
} JobVerifyEvents;

typedef struct JobVerifyRequest {
        ProtoVerifyBlob blob; /* but for @is_last */
        int file_fd;          /* borrowed; read-write where there is a pipe */
        int pipe_fd;          /* borrowed; where it comes from; negative: it is there already */
        JobVerifyPool *pool;  /* borrowed; whose workers may hash it; NULL: one of its own does */
} JobVerifyRequest;

/** job_verify_pool_new() - the workers of one job, none yet; owned by the caller; NULL without memory */
JobVerifyPool *job_verify_pool_new(void);

/** job_verify_pool_close() - there will be no more blobs for it: who has nothing to do ends */
void job_verify_pool_close(JobVerifyPool *pool);

/** job_verify_pool_free() - release @pool (may be NULL): who has something to do ends afterwards */
JobVerifyPool *job_verify_pool_free(JobVerifyPool *pool);

/**
 * job_verify_start() - have a blob hashed
 * @context:    borrowed as long as the worker, of which nobody knows how long that is
 * @events:     borrowed, as is @userdata, until ended()
 * @ret:        borrowed; valid until ended()
 *
 * Return: 0, or a negative errno with @error set; ended() is not called then.
 */
int job_verify_start(
        const JobContext *context,
        const JobVerifyRequest *request,
        const JobVerifyEvents *events,
        void *userdata,
        JobVerify **ret,
        Error *error);

/** job_verify_may_serve() - whether the job that has @pool (may be NULL) may bring the blob: no worker serves two */
bool job_verify_may_serve(const JobVerify *verify, const JobVerifyPool *pool);

/** job_verify_send() - send a message without descriptors, as job_process_send() */
void job_verify_send(JobVerify *verify, const ProtoMessage *message);

/** job_verify_stop() - end its worker; ended() follows */
void job_verify_stop(JobVerify *verify);

/** job_verify_kill() - kill its worker (may be NULL); ended() does not follow */
JobVerify *job_verify_kill(JobVerify *verify);

DEFINE_CLEANUP(JobVerifyPool, job_verify_pool_free);
