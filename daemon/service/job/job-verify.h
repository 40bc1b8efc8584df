/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verify workers, each of which hashes one blob at a time.
 *
 *     job_verify_start() ─▶ message()* [─▶ done()] ─▶ ended()
 *
 * The workers of a pool hash one blob after another for one job, so that small blobs do not cost a process each. A blob that
 * takes over such a worker controls what it says of the job's later ones. What has to be kept apart is therefore hashed by a
 * worker that ends with it.
 *
 * Even a worker that was taken over must not change a blob once it has its name. It gets another blob only if nobody has the
 * file of the previous one open for writing. Otherwise its process ends before ended() is called.
 */

#include "job-process.h"

/* Beyond this many at a time, each blob has a worker of its own. A fetch worker brings a few layers at a time. */
#define VERIFY_POOL_MAX ((size_t) 4)

typedef struct JobVerifyPool JobVerifyPool;
typedef struct JobVerify JobVerify;

typedef struct JobVerifyEvents {
        /* PROTO_VERIFY_READY, _GROWN or _FULL. */
        void (*message)(void *userdata, const ProtoMessage *message);

        /* The blob is right; called for a worker of a pool only. Close the file, but for reading. Returns whether nobody has it
         * open for writing any more. */
        bool (*done)(void *userdata);

        /* Called once, at the end: the JobVerify is gone, and its worker no longer writes to the file. @result is empty if the
         * blob is right; otherwise what the worker reported, or how it died. */
        void (*ended)(void *userdata, ProtoOutcome outcome, const Error *result);
} JobVerifyEvents;

typedef struct JobVerifyRequest {
        ProtoVerifyBlob blob; /* but for @is_last */
        int file_fd;          /* borrowed; read-write where there is a pipe */
        int pipe_fd; /* borrowed; the blob comes out of it; negative: the file is complete */
        JobVerifyPool
                *pool; /* borrowed; whose workers may hash it; NULL: use a worker of its own */
} JobVerifyRequest;

/** job_verify_pool_new() - an empty pool for one job; owned by the caller; NULL if out of memory */
JobVerifyPool *job_verify_pool_new(void);

/**
 * job_verify_pool_start() - start a worker before there is a blob for it, if @pool has none
 * @context:    as of job_verify_start()
 *
 * If it cannot be started, the first blob starts another one, and hears of it if that fails as well.
 */
void job_verify_pool_start(JobVerifyPool *pool, const JobContext *context);

/** job_verify_pool_close() - no more blobs follow: end the workers that are idle, and others as they finish */
void job_verify_pool_close(JobVerifyPool *pool);

/** job_verify_pool_free() - release @pool (may be NULL); workers that are busy finish their blob first */
JobVerifyPool *job_verify_pool_free(JobVerifyPool *pool);

/**
 * job_verify_start() - have a blob hashed
 * @context:    borrowed as long as the worker, which may outlive its pool
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

/** job_verify_may_serve() - whether the job of @pool (may be NULL) may bring the blob: no worker serves two jobs */
bool job_verify_may_serve(const JobVerify *verify, const JobVerifyPool *pool);

/** job_verify_send() - send a message without descriptors, as job_process_send() */
void job_verify_send(JobVerify *verify, const ProtoMessage *message);

/** job_verify_stop() - end its worker; ended() follows */
void job_verify_stop(JobVerify *verify);

/** job_verify_kill() - kill its worker (may be NULL); ended() does not follow */
JobVerify *job_verify_kill(JobVerify *verify);

DEFINE_CLEANUP(JobVerifyPool, job_verify_pool_free);
