/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "registry-blob.h"

typedef struct BlobTransfer {
        const RegistryBlobRequest *request; /* borrowed */
        const char *url;                    /* borrowed; where it comes from now */
        RegistryAuth *auth; /* borrowed; NULL at an address of the image's choice: no login there */
        uint64_t position;  /* bytes that were handed on, or skipped by the caller */
        uint64_t next;      /* offset in the blob of the next byte of this try's body */
        uint64_t end;       /* where this try's body has to end, at the latest */
        uint64_t total;     /* bytes of the whole, as this try's answer says; or unknown */
        uint64_t counted;   /* @position when the tries were last counted from the start */
        bool is_started;    /* this try's body has begun */
        bool is_wrong_range; /* this try's body is not the rest of what has come so far */
        bool is_whole;       /* ranges do not work here */
        bool is_over;        /* no other try helps: it is too long, or the caller wants no more */
        char etag[REGISTRY_HEADER_TEXT_MAX]; /* of what has come so far; empty: not known */
} BlobTransfer;

static int too_long(BlobTransfer *transfer, Error *error) {
        transfer->is_over = true;
        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "It is longer than the %ju bytes declared by the image",
                (uintmax_t) transfer->request->size);
}

/* Where the transfer ends. */
static uint64_t stop(const BlobTransfer *transfer) {
        return transfer->request->end > 0 ? transfer->request->end : transfer->request->size;
}

static int no_range(BlobTransfer *transfer, const char *host, Error *error) {
        transfer->is_over = true;
        return error_set(
                error, ENOTSUP, ERROR_REGISTRY_ERROR, "%s does not send ranges of a blob", host);
}

static int wrong_range(BlobTransfer *transfer, const char *host, Error *error) {
        if (transfer->request->end > 0)
                return no_range(transfer, host, error);

        transfer->is_wrong_range = true;
        return error_set(
                error, EPROTO, ERROR_REGISTRY_ERROR, "%s returned a different range than requested",
                host);
}

static bool is_of_another(const char *known, const char *said) {
        return known[0] != '\0' && said[0] != '\0' && strcmp(known, said) != 0;
}

/* Whether a 206 continues what has come so far. */
static bool is_the_rest(
        const BlobTransfer *transfer,
        const RegistryResponse *response,
        const RegistryRange *range) {
        const uint64_t size = transfer->request->size;
        char name[DIGEST_STRING_MAX];

        if (range->first != transfer->position || range->last >= stop(transfer) ||
            is_of_another(transfer->etag, response->etag) ||
            is_of_another(digest_format(transfer->request->digest, name), response->digest))
                return false;

        return (size == REGISTRY_SIZE_UNKNOWN || range->total == REGISTRY_SIZE_UNKNOWN ||
                range->total == size) &&
               (response->content_length == REGISTRY_SIZE_UNKNOWN ||
                response->content_length == range->last - range->first + 1);
}

/* Where in the blob the body begins, and where it ends. */
static int transfer_begin(BlobTransfer *transfer, const RegistryResponse *response, Error *error) {
        const uint64_t size = transfer->request->size;
        RegistryRange range;

        transfer->is_started = true;
        transfer->next = 0;
        transfer->end = size;
        transfer->total = REGISTRY_SIZE_UNKNOWN;

        if (response->status == 200 && transfer->request->end > 0)
                return no_range(transfer, response->host, error);
        if (response->status == 206) {
                if (registry_range_parse(response->content_range, &range) < 0 ||
                    !is_the_rest(transfer, response, &range))
                        return wrong_range(transfer, response->host, error);
                transfer->next = range.first;
                transfer->end = range.last + 1;
                transfer->total = range.total;
        } else if (
                response->content_length != REGISTRY_SIZE_UNKNOWN &&
                response->content_length > size)
                return too_long(transfer, error);

        memcpy(transfer->etag, response->etag, sizeof(transfer->etag));
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

        if (size > transfer->end - transfer->next)
                return response->status == 206 ? wrong_range(transfer, response->host, error)
                                               : too_long(transfer, error);

        known = transfer->position - transfer->next;
        transfer->next += size;
        if (known >= size)
                return 0;

        transfer->position = transfer->next;
        r = transfer->request->write(
                transfer->request->userdata, (const char *) data + known, size - (size_t) known,
                error);
        transfer->is_over = r < 0;
        return r;
}

static bool response_is_good(const RegistryResponse *response) {
        return response->failure == REGISTRY_FAILURE_NONE &&
               (response->status == 200 || response->status == 206);
}

/* Whether the body of a good response goes up to the end of the blob, as far as the response tells. */
static bool body_is_complete(const BlobTransfer *transfer, const RegistryResponse *response) {
        if (response->status == 206 && transfer->next != transfer->end)
                return false;

        return transfer->next == transfer->position &&
               (transfer->total == REGISTRY_SIZE_UNKNOWN || transfer->total == transfer->next);
}

/* Without a size, a body that ended is the whole of it. With one, nobody has to wait for the end. */
static bool transfer_is_done(const BlobTransfer *transfer, const RegistryResponse *response) {
        if (transfer->request->size == REGISTRY_SIZE_UNKNOWN)
                return response_is_good(response) && body_is_complete(transfer, response);

        return transfer->position == stop(transfer) &&
               (response_is_good(response) || response->failure == REGISTRY_FAILURE_BROKEN);
}

static int set_error(
        const BlobTransfer *transfer,
        const RegistryResponse *response,
        const RegistryEndpoint *endpoint,
        Error *error) {
        if (!response_is_good(response))
                return transfer->auth
                               ? registry_response_error(
                                         response, endpoint->name,
                                         registry_auth_has_login(transfer->auth, response), error)
                               : registry_response_error(response, NULL, false, error);

        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH, "It ends prematurely, after %ju bytes",
                (uintmax_t) transfer->next);
}

/* Whether the registry cannot take up where this stands. */
static bool transfer_needs_whole(const BlobTransfer *transfer, const RegistryResponse *response) {
        if (transfer->is_whole || transfer->request->end > 0)
                return false;

        return transfer->is_wrong_range ||
               (response->failure == REGISTRY_FAILURE_NONE && response->status == 416);
}

/* Whether it is worth another try; waits before that one. */
static bool transfer_wait(
        BlobTransfer *transfer,
        RegistryRetry *retry,
        const RegistryResponse *response,
        const RegistryEndpoint *endpoint) {
        bool needs_whole = transfer_needs_whole(transfer, response);
        RegistryAttempt attempt = {
                .failure = response->failure,
                .status = response->status,
                .retry_after = response->retry_after,
                .was_reached = transfer->auth && endpoint->was_reached,
                .is_mirror = endpoint->is_mirror,
        };

        /* A long blob over a bad line breaks more often than a short one. */
        if (transfer->position - transfer->counted >= REGISTRY_BLOB_PROGRESS_BYTES) {
                registry_retry_init(retry, retry->waiter);
                transfer->counted = transfer->position;
        }

        if (needs_whole)
                transfer->is_whole = true;
        if (needs_whole || response_is_good(response)) /* good, but short */
                attempt.failure = REGISTRY_FAILURE_BROKEN;

        return registry_retry_wait(retry, attempt);
}

static int transfer_try(
        BlobTransfer *transfer, RegistryHttp *http, RegistryResponse *response, Error *error) {
        const uint64_t size = transfer->request->size;
        RegistryRequest request = {
                .url = transfer->url,
                .is_large = size != REGISTRY_SIZE_UNKNOWN && size > REGISTRY_BLOB_LARGE_BYTES &&
                            transfer->request->end == 0,
                .is_foreign = !transfer->auth,
                .range_start = transfer->is_whole ? 0 : transfer->position,
                .range_end = transfer->request->end,
                .on_body = on_body,
                .userdata = transfer,
        };

        transfer->is_started = false;
        transfer->is_wrong_range = false;
        transfer->next = 0;
        transfer->end = transfer->total = REGISTRY_SIZE_UNKNOWN;
        return transfer->auth ? registry_auth_get(transfer->auth, http, &request, response, error)
                              : registry_http_get(http, &request, response, error);
}

/* All tries at one place. */
static int transfer_run(
        BlobTransfer *transfer,
        const RegistryEndpoint *endpoint,
        RegistryHttp *http,
        Error *error) {
        RegistryRetry retry;

        transfer->is_whole = false;
        transfer->etag[0] = '\0';
        registry_retry_init(&retry, &endpoint->waiter);
        for (;;) {
                _cleanup_(registry_response_done) RegistryResponse response = { 0 };
                _cleanup_(error_clear) Error failed = ERROR_NULL;
                int r = transfer_try(transfer, http, &response, &failed);

                if (transfer_is_done(transfer, &response))
                        return 0;
                if (transfer_wait(transfer, &retry, &response, endpoint))
                        continue;
                if (transfer->request->end > 0 && response.status == 416)
                        return no_range(transfer, response.host, error);

                return r < 0 ? error_copy(error, &failed)
                             : set_error(transfer, &response, endpoint, error);
        }
}

/* Without a user in the address: libcurl would log in as that. */
static int transfer_from_image(
        BlobTransfer *transfer,
        const RegistryEndpoint *endpoint,
        RegistryHttp *http,
        Error *error) {
        const char *address = transfer->request->url;
        _cleanup_(freep) char *url = NULL;
        int r;

        r = registry_url_follow(address, address, true, &url, error);
        if (r < 0)
                return r;

        transfer->url = url;
        return transfer_run(transfer, endpoint, http, error);
}

static int transfer_from_registry(
        BlobTransfer *transfer,
        RegistryEndpoint *endpoint,
        RegistryAuth *auth,
        RegistryHttp *http,
        Error *error) {
        _cleanup_(freep) char *url = NULL;
        char name[DIGEST_STRING_MAX];
        int r;

        r = registry_endpoint_url(
                endpoint, http, "blobs", digest_format(transfer->request->digest, name), &url,
                error);
        if (r < 0)
                return r;

        transfer->url = url;
        transfer->auth = auth;
        return transfer_run(transfer, endpoint, http, error);
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
        int r;

        if (request->offset > request->size)
                return error_set(
                        error, EINVAL, ERROR_DIGEST_MISMATCH,
                        "There are already more bytes than the %ju declared by the image",
                        (uintmax_t) request->size);
        if (request->offset == request->size)
                return 0;
        if (!request->url)
                return transfer_from_registry(&transfer, endpoint, auth, http, error);

        r = transfer_from_image(&transfer, endpoint, http, error);
        /* A registry may have what it need not have; if not, the first failure is the one to report. */
        if (r < 0 && !transfer.is_over &&
            transfer_from_registry(&transfer, endpoint, auth, http, NULL) >= 0) {
                error_clear(error);
                return 0;
        }
        return r;
}
