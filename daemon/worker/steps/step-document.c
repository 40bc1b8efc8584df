/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-fd.h"
#include "hash.h"
#include "oci-document.h"
#include "oci-schema1.h"
#include "step-document.h"

void step_document_done(StepDocument *document) {
        free(document->data);
        free(document->content_type);
        *document = (StepDocument){ 0 };
}

/* The origin of a document that the store does not have. */
typedef struct Origin {
        Digest digest;                   /* the expected digest */
        uint64_t size;                   /* or PROTO_SIZE_UNKNOWN */
        const OciDescriptor *descriptor; /* of a config; NULL for a manifest or index */
        bool is_passed_on;               /* for another step to read */
} Origin;

static_assert(OCI_DOCUMENT_MAX == PROTO_DOCUMENT_MAX, "the daemon hands out what can be read");

static int send_request(
        StepChannel *channel,
        const Origin *origin,
        bool want_content,
        bool lookup_only,
        Error *error) {
        const ProtoMessage message = {
                .type = PROTO_BLOB_WANTED,
                .blob_wanted = {
                        .token = PROTO_LAYERS_MAX + channel->n_documents++,
                        .digest = origin->digest,
                        .size = origin->size,
                        .want_content = want_content,
                        .lookup_only = lookup_only,
                },
        };

        return step_send(channel->socket_fd, &message, error);
}

static int hash_document(StepDocument *document, DigestAlgorithm algorithm, Error *error) {
        return hash_buffer(algorithm, document->data, document->size, &document->digest, error);
}

/* @where: what returned the document. */
static int check_digest(
        const StepDocument *document, const Digest *expected, const char *where, Error *error) {
        char text[DIGEST_STRING_MAX];

        if (digest_equal(&document->digest, expected))
                return 0;

        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "The %s returned content for %s with a different digest", where,
                digest_format(expected, text));
}

/* Another job's image may have taken over the verify worker that let it pass. As further digests are read from it, hash it
 * again; documents are small. */
static int read_content(int fd, const Digest *digest, StepDocument *document, Error *error) {
        int r;

        r = fd_read_all(fd, OCI_DOCUMENT_MAX, &document->data, &document->size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read a document from the cache");

        r = hash_document(document, digest->algorithm, error);
        return r < 0 ? r : check_digest(document, digest, "cache", error);
}

/* If the reader has exited, the daemon reports why. */
static void fill(const ProtoBlobAnswer *answer, int fd, const StepDocument *document) {
        if (answer->offset <= document->size)
                (void) fd_write_full(
                        fd, document->data + answer->offset, document->size - answer->offset);
}

/* The digest of a signed schema 1 manifest excludes its signatures, which are dropped. */
static int strip_signatures(StepDocument *document, Error *error) {
        OciMediaType type =
                oci_media_type_parse(document->content_type ? document->content_type : "");
        char *payload;
        size_t size;
        int r;

        if (oci_media_type_is_generic(document->content_type)) {
                r = oci_document_classify(
                        document->data, document->size, document->content_type, &type, error);
                if (r < 0)
                        return r;
        }
        if (oci_media_type_class(type) != MEDIA_CLASS_SCHEMA1)
                return 0;

        r = oci_schema1_payload(document->data, document->size, &payload, &size, error);
        if (r < 0)
                return r;

        free(document->data);
        free(document->content_type);
        document->data = payload;
        document->size = size;
        document->content_type = strdup(oci_media_type_to_string(MEDIA_TYPE_DOCKER_SCHEMA1));
        return document->content_type ? 0 : error_oom(error);
}

/* Asks the source for a manifest or index, without a @digest for the image's first one, and hashes it. */
static int get_document(
        StepChannel *channel, const Digest *digest, StepDocument *ret, Error *error) {
        _cleanup_(step_document_done) StepDocument document = { 0 };
        SourceDocument answer;
        int r;

        r = digest ? source_get_manifest(channel->source, digest, &answer, error)
                   : source_get_top(channel->source, &answer, error);
        if (r < 0)
                return r;

        document.data = answer.data;
        document.size = answer.size;
        document.content_type = answer.content_type;
        r = strip_signatures(&document, error);
        if (r >= 0)
                r = hash_document(&document, digest ? digest->algorithm : DIGEST_SHA256, error);
        if (r < 0)
                return r;

        *ret = document;
        document = (StepDocument){ 0 };
        return 0;
}

/* Where a config is received. */
typedef struct DocumentBuffer {
        char *data; /* owned */
        size_t size;
        size_t room;
} DocumentBuffer;

static void buffer_done(DocumentBuffer *buffer) {
        free(buffer->data);
}

static int on_config_data(void *userdata, const void *data, size_t size, Error *error) {
        DocumentBuffer *buffer = userdata;

        if (size > buffer->room - buffer->size)
                return error_set(
                        error, EFBIG, ERROR_DIGEST_MISMATCH,
                        "The config is larger than the %zu bytes that the manifest states",
                        buffer->room);

        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
        return 0;
}

static int get_config(
        StepChannel *channel, const OciDescriptor *descriptor, StepDocument *ret, Error *error) {
        _cleanup_(buffer_done) DocumentBuffer buffer = { 0 };
        const SourceBlobRequest request = {
                .digest = &descriptor->digest,
                .size = descriptor->size,
                .write = on_config_data,
                .userdata = &buffer,
        };
        int r;

        if (descriptor->size > OCI_DOCUMENT_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The image's config is larger than %zu bytes", OCI_DOCUMENT_MAX);

        buffer.room = (size_t) descriptor->size;
        buffer.data = calloc(1, buffer.room + 1);
        if (!buffer.data)
                return error_oom(error);

        r = source_get_blob(channel->source, &request, error);
        if (r < 0)
                return r;

        ret->size = buffer.size;
        ret->data = TAKE_PTR(buffer.data);
        return hash_document(ret, descriptor->digest.algorithm, error);
}

static int get_origin(StepChannel *channel, const Origin *origin, StepDocument *ret, Error *error) {
        int r;

        r = origin->descriptor ? get_config(channel, origin->descriptor, ret, error)
                               : get_document(channel, &origin->digest, ret, error);
        return r < 0 ? r : check_digest(ret, &origin->digest, "source", error);
}

/* Documents that others brought are not given to a step with a source: it must ask that again. */
static int read_stored(
        StepChannel *channel, const Origin *origin, int fd, StepDocument *document, Error *error) {
        return fd < 0 && channel->source ? get_origin(channel, origin, document, error)
                                         : read_content(fd, &origin->digest, document, error);
}

/* Requests a document from the daemon, fetches it if the daemon asks for it, and finally takes it from the
 * store, when the daemon has had it verified. */
static int obtain(
        StepChannel *channel, const Origin *origin, StepDocument *document, Error *error) {
        bool is_offline = !channel->source && !document->data;
        bool want_content = !document->data && !origin->is_passed_on;
        char text[DIGEST_STRING_MAX];
        int r;

        r = send_request(channel, origin, want_content, is_offline, error);

        while (r >= 0) {
                _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
                ProtoMessage answer;

                r = step_receive(channel->socket_fd, PROTO_BLOB_ANSWER, &answer, &fds, error);
                if (r < 0)
                        return r;
                if (answer.blob_answer.state == PROTO_BLOB_HAVE)
                        return document->data || !want_content
                                       ? 0
                                       : read_stored(channel, origin, fds.fds[0], document, error);
                if (answer.blob_answer.state == PROTO_BLOB_ABSENT || is_offline)
                        return error_set(
                                error, ENOENT, ERROR_NOT_FOUND,
                                "%s is not in the cache, and nothing is fetched when offline",
                                digest_format(&origin->digest, text));

                if (!document->data)
                        r = get_origin(channel, origin, document, error);
                if (r >= 0)
                        fill(&answer.blob_answer, fds.fds[0], document);
                else
                        /* Stays open, so that the daemon learns of the failure first. */
                        fds = PROTO_FDS_NULL;
        }

        return r;
}

static int hand_over(int r, StepDocument *document, StepDocument *ret) {
        if (r < 0)
                return r;

        *ret = *document;
        *document = (StepDocument){ 0 };
        return 0;
}

int step_document_get_top(
        StepChannel *channel, DigestAlgorithm algorithm, StepDocument *ret, Error *error) {
        _cleanup_(step_document_done) StepDocument document = { 0 };
        int r;

        r = get_document(channel, NULL, &document, error);
        if (r >= 0)
                r = step_document_keep(channel, algorithm, &document, error);
        return hand_over(r, &document, ret);
}

int step_document_get_manifest(
        StepChannel *channel, const Digest *digest, StepDocument *ret, Error *error) {
        _cleanup_(step_document_done) StepDocument document = { 0 };
        int r;

        r =
                obtain(channel, &(Origin){ .digest = *digest, .size = PROTO_SIZE_UNKNOWN },
                       &document, error);
        return hand_over(r, &document, ret);
}

int step_document_get_config(
        StepChannel *channel, const OciDescriptor *descriptor, StepDocument *ret, Error *error) {
        const Origin origin = {
                .digest = descriptor->digest,
                .size = descriptor->size,
                .descriptor = descriptor,
        };
        _cleanup_(step_document_done) StepDocument document = { 0 };

        return hand_over(obtain(channel, &origin, &document, error), &document, ret);
}

int step_document_bring_config(
        StepChannel *channel, const OciDescriptor *descriptor, Error *error) {
        const Origin origin = {
                .digest = descriptor->digest,
                .size = descriptor->size,
                .descriptor = descriptor,
                .is_passed_on = true,
        };
        _cleanup_(step_document_done) StepDocument document = { 0 };

        return obtain(channel, &origin, &document, error);
}

int step_document_keep(
        StepChannel *channel, DigestAlgorithm algorithm, StepDocument *document, Error *error) {
        Origin origin = { .size = document->size };
        int r;

        r = hash_document(document, algorithm, error);
        if (r < 0)
                return r;

        origin.digest = document->digest;
        return obtain(channel, &origin, document, error);
}

static int check_payload(const StepDocument *whole, const Digest *digest, Error *error) {
        _cleanup_(step_document_done) StepDocument payload = { 0 };
        int r;

        r = oci_schema1_payload(whole->data, whole->size, &payload.data, &payload.size, error);
        if (r >= 0)
                r = hash_document(&payload, digest->algorithm, error);
        return r < 0 ? r : check_digest(&payload, digest, "source", error);
}

int step_document_bring_signed(
        StepChannel *channel, const Digest *digest, Digest *ret, Error *error) {
        _cleanup_(step_document_done) StepDocument document = { 0 };
        SourceDocument answer;
        int r;

        r = source_get_top(channel->source, &answer, error);
        if (r < 0)
                return r;

        document.data = answer.data;
        document.size = answer.size;
        document.content_type = answer.content_type;
        r = check_payload(&document, digest, error);
        if (r >= 0)
                r = step_document_keep(channel, DIGEST_SHA256, &document, error);
        if (r < 0)
                return r;

        *ret = document.digest;
        return 0;
}

int step_document_check_signed(
        StepChannel *channel, const Digest *whole, const Digest *digest, Error *error) {
        _cleanup_(step_document_done) StepDocument document = { 0 };
        int r;

        r = step_document_get_manifest(channel, whole, &document, error);
        return r < 0 ? r : check_payload(&document, digest, error);
}
