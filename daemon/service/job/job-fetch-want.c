/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The requests of a fetch's workers, and their failures. */

#include <errno.h>
#include <stdlib.h>

#include "job-fetch-internal.h"
#include "job-log.h"

void job_fetch_stop(JobFetch *fetch) {
        fetch->is_stopping = true;
        if (fetch->fetcher.process)
                job_process_stop(fetch->fetcher.process);
        if (fetch->resolver.process)
                job_process_stop(fetch->resolver.process);
        if (fetch->trust)
                job_trust_stop(fetch->trust);
}

void job_fetch_stop_with(JobFetch *fetch, Error *error) {
        if (fetch->error.code == 0)
                error_move(&fetch->error, error);
        job_fetch_stop(fetch);
}

static bool is_layer(const JobFetchWanted *wanted) {
        return wanted->token < PROTO_LAYERS_MAX;
}

/* Informs the worker that a blob is in the store. */
static int answer_have(
        JobFetchAsker *asker,
        uint32_t token,
        const JobBlobUse *use,
        bool is_handed_out,
        Error *error) {
        const ProtoMessage answer = {
                .type = PROTO_BLOB_ANSWER,
                .blob_answer = { .token = token, .state = PROTO_BLOB_HAVE },
        };
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (is_handed_out) {
                r = job_blob_use_open(use, &fd, error);
                if (r < 0)
                        return r;
        }

        job_process_send(asker->process, &answer, &fd, fd >= 0 ? 1 : 0);
        return 0;
}

static int check_size(const JobFetchWanted *wanted, uint64_t size, Error *error) {
        char text[DIGEST_STRING_MAX];

        if (wanted->size != PROTO_SIZE_UNKNOWN && wanted->size != size)
                return error_set(
                        error, EBADMSG, ERROR_DIGEST_MISMATCH,
                        "The image says that %s has %ju bytes, but it has %ju",
                        digest_format(&wanted->digest, text), (uintmax_t) wanted->size,
                        (uintmax_t) size);
        if (!is_layer(wanted) && size > PROTO_DOCUMENT_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "%s has %ju bytes; a manifest or a config can have at most %ju",
                        digest_format(&wanted->digest, text), (uintmax_t) size,
                        (uintmax_t) PROTO_DOCUMENT_MAX);
        return 0;
}

static int on_blob_ready(JobFetchWanted *wanted, const JobBlobStatus *status, Error *error) {
        const JobContext *context = wanted->asker->fetch->context;
        char text[DIGEST_STRING_MAX];
        int r;

        if (wanted->is_answered || !wanted->asker->process)
                return 0;

        job_log_debug(
                context->log, context->job, "%s %s", digest_format(&wanted->digest, text),
                status->is_fetched ? "has arrived" : "is in the cache");
        r = check_size(wanted, status->size, error);
        if (r >= 0)
                r = answer_have(
                        wanted->asker, wanted->token, wanted->use, wanted->is_handed_out, error);
        wanted->is_answered = r >= 0;
        return r;
}

static uint64_t brought(const JobFetchWanted *wanted, size_t n) {
        uint64_t sum = 0;

        for (size_t i = 0; i < n; i++)
                if (wanted[i].use)
                        sum += job_blob_use_status(wanted[i].use).brought;
        return sum;
}

/* Sizes that an image does not declare count as data arrives. */
static int check_download(const JobFetch *fetch, Error *error) {
        const uint64_t max = fetch->context->config->limits.download_bytes;
        uint64_t sum = brought(fetch->documents, fetch->n_documents);

        if (fetch->layer_blobs)
                sum += brought(fetch->layer_blobs, fetch->image.n_layers);
        if (sum <= max)
                return 0;

        return error_set(
                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                "More than %ju bytes were downloaded" LIMIT_KEY("DownloadSize"), (uintmax_t) max);
}

static void on_blob_changed(void *userdata, JobBlobUse *use) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobFetchWanted *wanted = userdata;
        JobFetch *fetch = wanted->asker->fetch;
        const JobBlobStatus status = job_blob_use_status(use);

        if (!wanted->asker->process || fetch->is_stopping)
                return;

        if (status.state == BLOB_FAILED) {
                /* A worker whose transfer ended early will report why; it is about to end. */
                if (status.is_short) {
                        if (fetch->incomplete.code == 0)
                                (void) error_copy(&fetch->incomplete, status.error);
                        return;
                }
                (void) error_copy(&error, status.error);
                job_fetch_stop_with(fetch, &error);
                return;
        }

        if (check_download(fetch, &error) < 0 ||
            (status.state == BLOB_READY && on_blob_ready(wanted, &status, &error) < 0)) {
                job_fetch_stop_with(fetch, &error);
                return;
        }

        if (is_layer(wanted))
                fetch->events->layer_changed(fetch->userdata, wanted->token);
}

static void on_blob_fill(void *userdata, JobBlobUse *use, int pipe_fd, uint64_t offset) {
        JobFetchWanted *wanted = userdata;
        const ProtoMessage answer = {
                .type = PROTO_BLOB_ANSWER,
                .blob_answer = {
                        .token = wanted->token,
                        .state = PROTO_BLOB_FILL,
                        .offset = offset,
                },
        };

        wanted->offset = offset;
        if (wanted->asker->process)
                job_process_send(wanted->asker->process, &answer, &pipe_fd, 1);
}

static const JobBlobEvents blob_events = {
        .changed = on_blob_changed,
        .fill = on_blob_fill,
};

static bool is_fetcher(const JobFetchAsker *asker) {
        return asker == &asker->fetch->fetcher;
}

int job_fetch_out_of_place(const JobFetchAsker *asker, Error *error, const char *what) {
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "The %s worker broke the protocol: %s is out of place",
                job_worker_kind_to_string(is_fetcher(asker) ? WORKER_FETCH : WORKER_RESOLVE), what);
}

int job_fetch_not_brought(const Digest *digest, Error *error) {
        char text[DIGEST_STRING_MAX];

        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "The fetch worker broke the protocol: it did not fetch %s, which is part of the "
                "image",
                digest_format(digest, text));
}

/* If a blob is absent, answers so and returns 1; 0 if it must be handled like any other. */
static int answer_absent(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error) {
        const ProtoMessage answer = {
                .type = PROTO_BLOB_ANSWER,
                .blob_answer = { .token = request->token, .state = PROTO_BLOB_ABSENT },
        };
        StoreBlob blob = STORE_BLOB_NULL;
        int r;

        r = store_blob_open(asker->fetch->context->store, &request->digest, &blob, error);
        if (r < 0)
                return r;

        closep(&blob.fd);
        if (r > 0)
                return 0;
        job_process_send(asker->process, &answer, NULL, 0);
        return 1;
}

/* For larger blobs, starting a worker takes little time compared with hashing. */
#define SMALL_BYTES (UINT64_C(1) << 20)

bool job_fetch_is_small(uint64_t size) {
        return size <= SMALL_BYTES;
}

/* Documents are small even if their size is not known. */
static bool is_small(const JobFetchWanted *wanted) {
        return job_fetch_is_small(wanted->size) ||
               (wanted->size == PROTO_SIZE_UNKNOWN && !is_layer(wanted));
}

static int use_blob(
        JobFetchAsker *asker,
        const ProtoBlobWanted *request,
        uint64_t size,
        JobFetchWanted *wanted,
        Error *error) {
        JobFetch *fetch = asker->fetch;
        JobBlobRequest blob_request = {
                .digest = request->digest,
                .size = size,
                .temporary_directory =
                        fetch->spec->no_cache ? fetch->context->temporary_directory : NULL,
                .origin = fetch->origin,
                .no_sync = fetch->spec->no_sync,
        };
        int r;

        if (request->lookup_only) {
                r = answer_absent(asker, request, error);
                if (r != 0)
                        return r < 0 ? r : 0;
        }

        wanted->asker = asker;
        wanted->token = request->token;
        wanted->digest = request->digest;
        wanted->size = size;
        if (is_small(wanted))
                blob_request.pool = fetch->pool;
        return job_blob_use_new(
                fetch->context->blobs, &blob_request, &blob_events, wanted, &wanted->use, error);
}

/* One that is in the store with the right digest; NULL if none. */
const JobFetchWanted *job_fetch_find_document(const JobFetch *fetch, const Digest *digest) {
        for (size_t i = 0; i < fetch->n_documents; i++) {
                const JobFetchWanted *document = &fetch->documents[i];

                if (document->use && digest_equal(&document->digest, digest) &&
                    job_blob_use_status(document->use).state == BLOB_READY)
                        return document;
        }

        return NULL;
}

bool job_fetch_is_brought(const JobFetchWanted *document) {
        const JobFetch *fetch = document->asker->fetch;

        return is_fetcher(document->asker) || !fetch->fetcher.fetch;
}

/* The resolve worker may read what the fetch worker fetched; offline, what is in the store. */
static int want_document(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error) {
        JobFetch *fetch = asker->fetch;
        const JobFetchWanted *brought;
        JobFetchWanted *wanted;

        if (is_fetcher(asker) && request->lookup_only)
                return job_fetch_out_of_place(asker, error, "a cache lookup");
        if (!is_fetcher(asker)) {
                brought = job_fetch_find_document(fetch, &request->digest);
                /* It may have requested this document itself before, to store it. */
                if (request->want_content && fetch->fetcher.fetch &&
                    (brought ? !job_fetch_is_brought(brought) : !request->lookup_only))
                        return job_fetch_out_of_place(
                                asker, error, "a request for content that was not fetched");
                if (brought)
                        return answer_have(
                                asker, request->token, brought->use, request->want_content, error);
                if (request->lookup_only && fetch->fetcher.fetch)
                        return job_fetch_not_brought(&request->digest, error);
        }
        if (fetch->n_documents == DOCUMENTS_MAX)
                return job_fetch_out_of_place(asker, error, "a request for a document");

        wanted = &fetch->documents[fetch->n_documents++];
        wanted->is_handed_out =
                request->want_content &&
                (!is_fetcher(asker) || store_image_has_document(&fetch->known, &request->digest));
        return use_blob(asker, request, request->size, wanted, error);
}

/* For a known image. */
int job_fetch_use_layer(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error) {
        JobFetch *fetch = asker->fetch;
        char want[DIGEST_STRING_MAX];
        const ProtoLayer *layer;

        if (request->token >= fetch->image.n_layers || fetch->layer_blobs[request->token].use)
                return job_fetch_out_of_place(asker, error, "a request for a layer");

        layer = &fetch->image.layers[request->token];
        if (!digest_equal(&request->digest, &layer->digest))
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The fetch worker broke the protocol: %s is not layer %u of %s",
                        digest_format(&request->digest, want), request->token + 1, fetch->name);

        return use_blob(asker, request, layer->size, &fetch->layer_blobs[request->token], error);
}

/* A layer may be requested before the resolve worker has listed the layers, which it soon will, and before the image's
 * signatures are verified. */
static int want_layer(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error) {
        JobFetch *fetch = asker->fetch;
        ProtoBlobWanted *more;

        if (!fetch->has_top || !fetch->spec->destination || request->want_content ||
            is_fetcher(asker) != (fetch->fetcher.fetch != NULL))
                return job_fetch_out_of_place(asker, error, "a request for a layer");
        if (fetch->layer_blobs)
                return job_fetch_use_layer(asker, request, error);
        if (!is_fetcher(asker) || fetch->n_early == PROTO_LAYERS_MAX)
                return job_fetch_out_of_place(asker, error, "a layer of an unknown image");

        more = reallocarray(fetch->early, fetch->n_early + 1, sizeof(*more));
        if (!more)
                return error_oom(error);

        fetch->early = more;
        more[fetch->n_early++] = *request;
        return 0;
}

int job_fetch_want(JobFetchAsker *asker, const ProtoBlobWanted *request, Error *error) {
        return request->token < PROTO_LAYERS_MAX ? want_layer(asker, request, error)
                                                 : want_document(asker, request, error);
}
