/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the two halves of a blob: who wants it (job-blob-use.c), and its way into the store (job-blob.c). */

#include "job-blob.h"
#include "job-speed.h"
#include "job-verify.h"

typedef struct JobBlob JobBlob;

/* Where a blob is: LOOK ─▶ LOCK ─▶ FILL ─▶ DONE, or LOOK ─▶ REHASH ─▶ DONE when the store has it. What is damaged,
 * too short, or filled by somebody else meanwhile goes back to LOOK; what fails ends in DONE. */
typedef enum JobBlobStep {
        STEP_LOOK,   /* about to look for it in the store */
        STEP_REHASH, /* a verify worker hashes what the store has */
        STEP_LOCK,   /* a verify worker waits until nobody else fills the file */
        STEP_FILL,   /* a user is asked to write into the pipe of the verify worker */
        STEP_AGAIN,  /* the verify worker was stopped, to look for the blob again */
        STEP_DONE,   /* ready or failed */
} JobBlobStep;

struct JobBlobUse {
        JobBlobUse *next;            /* in the blob's list */
        JobBlob *blob;               /* borrowed; lives as long as it has uses */
        const JobBlobEvents *events; /* borrowed */
        void *userdata;              /* borrowed */
        const char *origin;          /* borrowed; or NULL */
        bool no_sync;                /* the blob need not be on the disk */
        JobVerifyPool *pool;         /* borrowed; or NULL */
        uint64_t readable;           /* bytes that it brought itself, from the first one on */
        uint64_t brought;            /* bytes that it brought, wherever they are */
        bool is_changed;             /* it is to be told */
        bool gave_up;                /* it was asked to fill the blob, and did not finish */
};

struct JobBlob {
        JobBlob *next;       /* in the table's list */
        JobBlobTable *table; /* borrowed */
        JobBlobRequest request;
        JobBlobStep step;
        JobBlobUse *uses;   /* oldest first; a blob without uses is freed */
        JobBlobUse *filler; /* who was asked to fill it; borrowed from @uses */
        JobBlobStatus status;
        Error error;              /* of BLOB_FAILED */
        StoreBlob stored;         /* .fd: from the store */
        int partial_fd;           /* owned; being filled */
        int pipe_fd;              /* owned; the write end, until a filler has it */
        JobVerify *verify;        /* borrowed; a worker that is busy with it; or NULL */
        sd_event_source *advance; /* owned; a deferred advance() */
        JobSpeedGuard *takeover;  /* owned; whether the others had better not wait for the filler */
        JobSpeedGuard *minimum;   /* owned; whether the filler is too slow for anybody */
        uint64_t seen;            /* bytes in a file that another daemon fills */
        unsigned n_telling;       /* > 0 while uses are told: not to be freed then */
        bool is_alone;            /* nobody joins: the file of the filler has lost its name */
        bool is_slow;             /* as @takeover says */
        bool is_unsynced;         /* its file in the store is not synced, or will not be */
        bool is_resumed;          /* began with what somebody else left: not to be read before it is
                                  * verified, and worth another try if it turns out to be wrong */
};

struct JobBlobTable {
        const JobContext *context; /* borrowed */
        JobBlob *blobs;            /* owned through their uses */

        /* What happens to a blob, which may lead to another blob. */
        sd_event_handler_t on_advance;
        void (*on_slow)(void *userdata);
        void (*on_too_slow)(void *userdata);
};

/* job_blob_store() - the store that it goes into */
Store *job_blob_store(const JobBlob *blob);

/* job_blob_is_kept() - whether it gets a name in the store */
bool job_blob_is_kept(const JobBlob *blob);

/* job_blob_schedule() - let the event loop take the next step */
void job_blob_schedule(JobBlob *blob);

/* job_blob_notify() - mark all its users to be told of its status */
void job_blob_notify(JobBlob *blob);

/* job_blob_tell() - tell the marked users; @blob may be gone afterwards */
void job_blob_tell(JobBlob *blob);

/* job_blob_end() - it is ready, or has failed */
void job_blob_end(JobBlob *blob, JobBlobState state, uint64_t size);

/* job_blob_fail() - it has failed because of @error, which is copied; keep what has arrived */
void job_blob_fail(JobBlob *blob, const Error *error);

/* job_blob_stop_watching() - stop measuring how fast it arrives */
void job_blob_stop_watching(JobBlob *blob);

/* job_blob_close_partial() - close the file in which it arrives */
void job_blob_close_partial(JobBlob *blob);

/* job_blob_remove_partial() - remove the name of that file */
void job_blob_remove_partial(JobBlob *blob);

/* job_blob_next_filler() - the first user that has not given up, which is to fill it next; or NULL */
JobBlobUse *job_blob_next_filler(JobBlob *blob);

/* job_blob_part() - let the waiting users start anew, without the filler */
void job_blob_part(JobBlob *blob);

/* job_blob_take_over() - let the waiting users whose origin is not the filler's start anew */
void job_blob_take_over(JobBlob *blob);

/* job_blob_gather() - move users that wait for a slower copy to @blob, which is complete */
void job_blob_gather(JobBlob *blob);
