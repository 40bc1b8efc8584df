/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two halves of a fetch share: its workers (job-fetch.c), and what they ask for (job-fetch-want.c). */

#include "job-fetch.h"

#define DOCUMENTS_MAX ((size_t) 16) /* manifests, nested indexes and the config of an image */

/* One of the two workers that may ask for blobs. */
typedef struct JobFetchAsker {
        JobFetch *fetch;     /* borrowed */
        JobProcess *process; /* owned; NULL when there is none, or none any more */
} JobFetchAsker;

/* A blob that a worker asked for: a layer, or a document. */
typedef struct JobFetchWanted {
        JobFetchAsker *asker; /* borrowed */
        JobBlobUse *use;      /* owned; NULL: not asked for yet */
        uint32_t token;
        bool is_handed_out; /* with its content */
        bool is_answered;   /* the worker knows that we have it */
        uint64_t size;      /* what the image says of it, or PROTO_SIZE_UNKNOWN */
        uint64_t offset;    /* from where on the worker was asked to fill it last, bytes */
        Digest digest;
} JobFetchWanted;

struct JobFetch {
        const JobContext *context; /* borrowed, as all that follow up to @userdata */
        const JobSpec *spec;
        const JobFetchEvents *events;
        void *userdata;
        JobFetchAsker
                fetcher; /* the fetch worker: there is none for a registry's image when offline */
        JobFetchAsker resolver;
        bool is_stopping;
        char *origin;     /* owned; of its blobs: the registry, or the source in files */
        StoreImage known; /* owned; what the reference named last time */
        ProtoTop top;     /* when @has_top */
        bool has_top;
        char name[512]; /* what the image is called */
        JobImage image;
        JobFetchWanted *layer_blobs; /* owned; one per layer, when @image is complete */
        ProtoBlobWanted *early;      /* owned; layers that were asked for before that */
        size_t n_early;
        JobFetchWanted documents[DOCUMENTS_MAX];
        size_t n_documents;
        Error error;      /* why it is stopping */
        Error incomplete; /* a transfer ended early; the worker may have more to say about it */
};

/* Ends the fetch because of @error, which is taken over: the first one is told. */
void job_fetch_stop_with(JobFetch *fetch, Error *error);

/* Errors: @what does not belong where a worker has said it; the image's @digest is not there. */
int job_fetch_out_of_place(const JobFetchAsker *asker, Error *error, const char *what);
int job_fetch_not_brought(const Digest *digest, Error *error);

/* A document that was asked for, and is in the store with the digest that it should have; or NULL. */
const JobFetchWanted *job_fetch_find_document(const JobFetch *fetch, const Digest *digest);

/* Whether such a one is from where the image is, and not the resolve worker's own. */
bool job_fetch_is_brought(const JobFetchWanted *document);

/* A worker asks for a blob. Return: 0, or a negative errno with @error set, as the next one does. */
int job_fetch_want(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error);

/* A layer of an image that is known, for who asked for it earlier. */
int job_fetch_use_layer(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error);
