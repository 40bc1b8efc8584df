/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "registry-blob.h"

typedef struct BlobTransfer {
        const RegistryBlobRequest *request; /* borrowed */
        uint64_t position;   /* bytes that were handed on, or skipped by the caller */
        uint64_t next;       /* offset in the blob of the next byte of this try's body */
        uint64_t counted;    /* @position when the tries were last counted from the start */
        bool is_started;     /* this try's body has begun */
        bool is_wrong_range; /* this try's body is of another range than was asked for */
        bool is_whole;       /* ranges do not work here */
} BlobTransfer;

static int too_long(const BlobTransfer *transfer, Error *error) {
        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "It is longer than the %ju bytes declared by the image",
                (uintmax_t) transfer->request->size);
}

/* Where in the blob the body begins. */
static int transfer_begin(BlobTransfer *transfer, const RegistryResponse *response, Error *error) {
        uint64_t size = transfer->request->size;
        RegistryRange range;

        transfer->is_started = true;
        transfer->next = 0;

        if (response->status == 206) {
                transfer->is_wrong_range =
                        registry_range_parse(response->content_range, &range) < 0 ||
                        range.first != transfer->position;
                if (transfer->is_wrong_range)
                        return error_set(
                                error, EPROTO, ERROR_REGISTRY_ERROR,
                                "%s returned a different range than requested", response->host);
                transfer->next = range.first;
                if (range.total != REGISTRY_SIZE_UNKNOWN && range.total > size)
                        return too_long(transfer, error);
        }

        if (response->content_length != REGISTRY_SIZE_UNKNOWN &&
            response->content_length > size - transfer->next)
                return too_long(transfer, error);

        return 0;
}

static int on_body(
        void *userdata,
        const RegistryResponse *response,
        const void *data,
        size_t size,
        Error *error) {
        BlobTransfer *transfer = userdata;
        uint64_t known;
        int r;

        if (!transfer->is_started) {
                r = transfer_begin(transfer, response, error);
                if (r < 0)
                        return r;
        }

        if (size > transfer->request->size - transfer->next)
                return too_long(transfer, error);

        known = transfer->position - transfer->next;
        transfer->next += size;
        if (known >= size)
                return 0;

        transfer->position = transfer->next;
        return transfer->request->write(
                transfer->request->userdata, (const char *) data + known, size - (size_t) known,
                error);
}

static bool response_is_good(const RegistryResponse *response) {
        return response->failure == REGISTRY_FAILURE_NONE &&
               (response->status == 200 || response->status == 206);
}

/* Without a size, a body that ended is the whole of it. With one, nobody has to wait for the end. */
static bool transfer_is_done(const BlobTransfer *transfer, const RegistryResponse *response) {
        if (transfer->request->size == REGISTRY_SIZE_UNKNOWN)
                return response_is_good(response) && transfer->next == transfer->position;

        return transfer->position == transfer->request->size &&
               (response_is_good(response) || response->failure == REGISTRY_FAILURE_BROKEN);
}

static int set_error(
        const BlobTransfer *transfer,
        const RegistryResponse *response,
        bool has_credentials,
        Error *error) {
        if (!response_is_good(response))
                return registry_response_error(response, has_credentials, error);

        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH, "It ends prematurely, after %ju bytes",
                (uintmax_t) transfer->next);
}

/* Whether the registry cannot take up where this stands. */
static bool transfer_needs_whole(const BlobTransfer *transfer, const RegistryResponse *response) {
        if (transfer->is_whole)
                return false;

        return transfer->is_wrong_range ||
               (response->failure == REGISTRY_FAILURE_NONE && response->status == 416);
}

/* Whether it is worth another try; waits before that one. */
static bool transfer_wait(
        BlobTransfer *transfer,
        RegistryRetry *retry,
        const RegistryResponse *response,
        bool was_reached) {
        bool needs_whole = transfer_needs_whole(transfer, response);
        RegistryAttempt attempt = {
                .failure = response->failure,
                .status = response->status,
                .retry_after = response->retry_after,
                .was_reached = was_reached,
        };

        /* A long blob over a bad line breaks more often than a short one. */
        if (transfer->position - transfer->counted >= REGISTRY_BLOB_PROGRESS_BYTES) {
                registry_retry_init(retry);
                transfer->counted = transfer->position;
        }

        if (needs_whole)
                transfer->is_whole = true;
        if (needs_whole || response_is_good(response)) /* good, but short */
                attempt.failure = REGISTRY_FAILURE_BROKEN;

        return registry_retry_wait(retry, attempt);
}

static int transfer_try(
        BlobTransfer *transfer,
        RegistryAuth *auth,
        RegistryHttp *http,
        const char *url,
        RegistryResponse *response,
        Error *error) {
        RegistryRequest request = {
                .url = url,
                .range_start = transfer->is_whole ? 0 : transfer->position,
                .on_body = on_body,
                .userdata = transfer,
        };

        transfer->is_started = false;
        transfer->is_wrong_range = false;
        transfer->next = 0;
        return registry_auth_get(auth, http, &request, response, error);
}

int registry_blob_get(
        RegistryEndpoint *endpoint,
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryBlobRequest *request,
        Error *error) {
        BlobTransfer transfer = {
                .request = request,
                .position = request->offset,
                .counted = request->offset,
        };
        char name[DIGEST_STRING_MAX];
        _cleanup_(freep) char *url = NULL;
        RegistryRetry retry;
        int r;

        if (request->offset > request->size)
                return error_set(
                        error, EINVAL, ERROR_DIGEST_MISMATCH,
                        "There are already more bytes than the %ju declared by the image",
                        (uintmax_t) request->size);
        if (request->offset == request->size)
                return 0;

        r = registry_endpoint_url(
                endpoint, http, "blobs", digest_format(request->digest, name), &url, error);
        if (r < 0)
                return r;

        registry_retry_init(&retry);
        for (;;) {
                _cleanup_(registry_response_done) RegistryResponse response = { 0 };
                _cleanup_(error_clear) Error failed = ERROR_NULL;

                r = transfer_try(&transfer, auth, http, url, &response, &failed);
                if (transfer_is_done(&transfer, &response))
                        return 0;
                if (transfer_wait(&transfer, &retry, &response, endpoint->was_reached))
                        continue;

                return r < 0 ? error_copy(error, &failed)
                             : set_error(&transfer, &response, endpoint->username, error);
        }
}
