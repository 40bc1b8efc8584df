/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Blobs on their way into the store, shared by all jobs that want them, so that each is fetched once.
 *
 * A job that wants a blob gets a JobBlobUse. Of the users of a blob that is missing, one is asked to fill
 * it (its fetch worker writes into a pipe, from which a verify worker reads, hashes and appends to the
 * file); when that one goes away, another is asked to go on. The filler may read the file while it grows;
 * the others may once it is verified.
 *
 *     absent ─▶ filling ─▶ ready          ready: in the store, verified, leased
 *                  └─────▶ failed
 *
 * Users come with images of different origins, and none has to suffer from another's:
 *
 * * They share a blob when they name the same digest and the same size.
 * * Who brings wrong bytes fails alone; the others begin anew. Where it began with what somebody else had
 *   left, nobody knows who was wrong, and it may begin anew itself.
 * * Who is slower than TakeoverSpeed= while others wait goes on without those who know another origin:
 *   these begin anew, and whoever has all of it first has it for everybody who waits. From one origin a
 *   slow blob comes once.
 * * Who is slower than MinimumSpeed= fails.
 */

#include <stdbool.h>
#include <stdint.h>

#include "job-verify.h"
#include "store-blob.h"

typedef struct JobBlobTable JobBlobTable;
typedef struct JobBlobUse JobBlobUse;

typedef enum JobBlobState {
        BLOB_WAITING, /* nothing to read yet: being looked for, or hashed before it may be believed */
        BLOB_GROWING, /* a part may be read: this user brought it */
        BLOB_READY,   /* all of it may be read, and its digest was verified */
        BLOB_FAILED,
} JobBlobState;

typedef struct JobBlobStatus {
        JobBlobState state;
        uint64_t size;    /* bytes that may be read */
        uint64_t arrived; /* bytes that are there */
        uint64_t
                resumed; /* of these, bytes that nobody fetched meanwhile: they were there before, or another daemon did */
        uint64_t brought; /* bytes that this user brought */
        bool is_filled;   /* of BLOB_READY: by this user, from where it was asked to on */
        bool is_fetched;  /* it was not in the store when it was asked for */
        bool is_short;    /* BLOB_FAILED since its transfer ended early: who made it may say why */
        const Error *error; /* of BLOB_FAILED; borrowed, valid as long as the use */
} JobBlobStatus;

typedef struct JobBlobEvents {
        /* The status of a use has changed. The use may be freed here. */
        void (*changed)(void *userdata, JobBlobUse *use);

        /* This user is to write the blob from @offset on into @pipe_fd (borrowed). */
        void (*fill)(void *userdata, JobBlobUse *use, int pipe_fd, uint64_t offset);
} JobBlobEvents;

/** job_blob_table_new() - the blobs of @context's store; @context is borrowed */
int job_blob_table_new(const JobContext *context, JobBlobTable **ret, Error *error);

/** job_blob_table_start_pool() - start a worker of @pool for blobs that will be missing */
void job_blob_table_start_pool(const JobBlobTable *table, JobVerifyPool *pool);

/** job_blob_table_free() - release @table (may be NULL), which nobody may use any more */
JobBlobTable *job_blob_table_free(JobBlobTable *table);

typedef struct JobBlobRequest {
        Digest digest;
        uint64_t size; /* bytes, or PROTO_SIZE_UNKNOWN */
        /* Not NULL: it is not to be kept, and arrives here; borrowed as long as the use. */
        const char *temporary_directory;
        const char
                *origin; /* where it comes from, as text; borrowed as long as the use; NULL: nobody
                             * else's */
        /* Whose workers may hash it, as long as they read only what its job brings; borrowed as long as the use; NULL: use
         * a worker of its own. */
        JobVerifyPool *pool;
        bool verify_again; /* hash it even when nobody touched it since it was verified */
        bool no_sync; /* it need not be on the disk, unless somebody else who wants it says otherwise */
} JobBlobRequest;

/**
 * job_blob_use_new() - want a blob
 * @request:    borrowed for the call
 * @events:     borrowed, as is @userdata, until the use is freed; called from the event loop only,
 *              never from inside this function
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_blob_use_new(
        JobBlobTable *table,
        const JobBlobRequest *request,
        const JobBlobEvents *events,
        void *userdata,
        JobBlobUse **ret,
        Error *error);

/** job_blob_use_free() - want it no more (may be NULL) */
JobBlobUse *job_blob_use_free(JobBlobUse *use);

/** job_blob_use_wait() - if this user fills it, nothing need arrive in the next @usec */
void job_blob_use_wait(JobBlobUse *use, uint64_t usec);

/** job_blob_use_status() - how far it is */
JobBlobStatus job_blob_use_status(const JobBlobUse *use);

/**
 * job_blob_use_open() - open it for reading
 * @ret_fd:     read-only, an open file description of its own; owned by the caller
 *
 * May be called in BLOB_GROWING and BLOB_READY. Return: 0, or a negative errno with @error set.
 */
int job_blob_use_open(const JobBlobUse *use, int *ret_fd, Error *error);

DEFINE_CLEANUP(JobBlobTable, job_blob_table_free);
DEFINE_CLEANUP(JobBlobUse, job_blob_use_free);
