/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The fetching half of a job: a fetch worker, which finds the image and fills the blobs that the store does
 * not have, and a resolve worker, which has no network and reports what the image consists of.
 *
 *     job_fetch_start() ─▶ resolved() ─▶ layer_changed()* ─▶ ended() ─▶ job_fetch_free()
 *
 * The fetch worker reports which document the name stands for, and requests blobs. The layers that it requests
 * must be those that the resolve worker finds in the image's documents, after verify workers have hashed these.
 * Offline, a registry's image has no fetch worker.
 *
 * ended() is called exactly once, as the last thing.
 */

#include "job-blob.h"
#include "job-image.h"
#include "job-spec.h"
#include "job-task.h"
#include "job-trust.h"
#include "store-image.h"

typedef struct JobFetch JobFetch;

typedef struct JobFetchEvents {
        /* The image, its layers and details are known, and it is the requested one. */
        void (*resolved)(void *userdata);

        /* The blob of a layer has grown, is ready or has failed. */
        void (*layer_changed)(void *userdata, uint32_t index);

        /* An archive is being read, to find the image in it; @size bytes so far. Or NULL. */
        void (*read)(void *userdata, uint64_t size);

        /* The fetch worker waits before another try, as @wait says: nothing need arrive in the next @usec, which is less
         * than @wait says if it has waited too often. Or NULL. */
        void (*wait)(void *userdata, const ProtoFetchWait *wait, uint64_t usec);

        void (*warning)(void *userdata, const char *text);

        /* The workers have ended. @error is empty if all blobs are in the store and verified. */
        void (*ended)(void *userdata, const Error *error);
} JobFetchEvents;

/**
 * job_fetch_start() - start
 * @spec:       borrowed as long as the fetch, as are @events and @userdata; without a destination the
 *              layers are not fetched
 */
int job_fetch_start(
        const JobContext *context,
        const JobSpec *spec,
        const JobFetchEvents *events,
        void *userdata,
        JobFetch **ret,
        Error *error);

/** job_fetch_free() - release @fetch, with its leases on blobs */
JobFetch *job_fetch_free(JobFetch *fetch);

/** job_fetch_stop() - stop it; ended() follows */
void job_fetch_stop(JobFetch *fetch);

/** job_fetch_image() - the image, complete; NULL before resolved(); borrowed */
const JobImage *job_fetch_image(const JobFetch *fetch);

/** job_fetch_digest() - of the document that the image's name stands for; NULL if unknown; borrowed */
const Digest *job_fetch_digest(const JobFetch *fetch);

/** job_fetch_trust() - what the signature policy says about the image; NULL if it was not asked; borrowed */
const JobTrustReport *job_fetch_trust(const JobFetch *fetch);

/** job_fetch_download() - bytes of layers that had to be downloaded when the image was known; 0 until then */
uint64_t job_fetch_download(const JobFetch *fetch);

/** job_fetch_name() - the image's name: a registry's reference, or "oci-archive:NAME" */
const char *job_fetch_name(const JobFetch *fetch);

/**
 * job_fetch_document() - the document that the spec asks for, after a successful end
 * @ret:        any bytes, at most PROTO_DOCUMENT_MAX or PROTO_REPORT_MAX; owned by the caller
 *
 * A manifest or a configuration is read from the store: a verify worker has hashed it there, and the resolve worker has
 * hashed it again. Return: 0, or a negative errno with @error set.
 */
int job_fetch_document(const JobFetch *fetch, char **ret, size_t *ret_size, Error *error);

/** job_fetch_layer_use() - the blob of a layer of the image; NULL until it is requested */
JobBlobUse *job_fetch_layer_use(const JobFetch *fetch, uint32_t index);

/** job_fetch_describe() - a registry's image for the store; release it with store_image_done() */
int job_fetch_describe(const JobFetch *fetch, StoreImage *ret, Error *error);

DEFINE_CLEANUP(JobFetch, job_fetch_free);
