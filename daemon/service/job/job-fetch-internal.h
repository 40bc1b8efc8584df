/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the two halves of a fetch: its workers (job-fetch.c), and their requests (job-fetch-want.c). */

#include "job-fetch.h"
#include "job-trust.h"
#include "job-wait.h"

#define DOCUMENTS_MAX ((size_t) 16) /* manifests, nested indexes and the config of an image */

/* One of the two workers that may request blobs. */
typedef struct JobFetchAsker {
        JobFetch *fetch;     /* borrowed */
        JobProcess *process; /* owned; NULL if none, or no longer one */
} JobFetchAsker;

/* A blob that a worker requested: a layer, or a document. */
typedef struct JobFetchWanted {
        JobFetchAsker *asker; /* borrowed */
        JobBlobUse *use;      /* owned; NULL if not requested yet */
        uint32_t token;
        bool is_handed_out; /* with its content */
        bool is_answered;   /* the worker knows that it is in the store */
        uint64_t size;      /* declared by the image, or PROTO_SIZE_UNKNOWN */
        uint64_t offset;    /* where the worker was last asked to fill it from, bytes */
        Digest digest;
} JobFetchWanted;

struct JobFetch {
        const JobContext *context; /* borrowed, as all that follow up to @userdata */
        const JobSpec *spec;
        const JobFetchEvents *events;
        void *userdata;
        JobFetchAsker fetcher; /* the fetch worker: none for a registry's image when offline */
        JobFetchAsker resolver;
        JobTrust *trust;       /* owned; NULL if every image may be used */
        bool needs_signatures; /* the fetch worker sends them */
        bool is_begun;         /* it and the resolve worker were started */
        bool is_trusted;       /* the image may be used: its layers may be requested */
        bool is_stopping;
        JobVerifyPool *pool; /* owned; hashes small blobs */
        char *origin;        /* owned; of its blobs: the registry, or the source in files */
        StoreImage known;    /* owned; what the reference named last time */
        ProtoTop top;        /* when @has_top */
        bool has_top;
        char name[512]; /* what the image is called */
        JobImage image;
        uint64_t download;           /* bytes of layers that had to be downloaded then */
        JobFetchWanted *layer_blobs; /* owned; one per layer, when @image is complete */
        ProtoBlobWanted *early;      /* owned; layers requested before that */
        size_t n_early;
        JobFetchWanted documents[DOCUMENTS_MAX];
        size_t n_documents;
        JobWaits waits;   /* of the fetch worker */
        Error error;      /* why it is stopping */
        Error incomplete; /* a transfer ended early; the worker may have more to say about it */
};

/* Ends the fetch because of @error, which is taken over; the first one is reported. */
void job_fetch_stop_with(JobFetch *fetch, Error *error);

/* Errors: a worker sent @what out of order; it did not fetch @digest, which the image needs. */
int job_fetch_out_of_place(const JobFetchAsker *asker, Error *error, const char *what);
int job_fetch_not_brought(const Digest *digest, Error *error);

/* Whether a blob of @size bytes may share a verify worker with others of the image. */
bool job_fetch_is_small(uint64_t size);

/* A requested document that is in the store with the right digest; or NULL. */
const JobFetchWanted *job_fetch_find_document(const JobFetch *fetch, const Digest *digest);

/* Whether it came from the image's origin, not from the resolve worker. */
bool job_fetch_is_brought(const JobFetchWanted *document);

/* Handle a worker's request for a blob. */
int job_fetch_want(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error);

/* Handle an earlier request for a layer, now that the image is known. */
int job_fetch_use_layer(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error);

/* What a fetch worker is for. */
typedef enum JobFetchAim {
        JOB_FETCH_IMAGE,
        JOB_FETCH_SIGNED_IMAGE, /* with its signatures */
        JOB_FETCH_TAGS,
} JobFetchAim;

/* Sends a fetch worker its start message. */
int job_fetch_send_start(
        const JobContext *context,
        const JobSpec *spec,
        JobProcess *process,
        JobFetchAim aim,
        Error *error);
