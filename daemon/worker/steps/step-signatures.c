/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci-signature.h"
#include "step-signatures.h"

#define TAG_MAX (DIGEST_STRING_MAX + sizeof(".sig"))

static_assert(
        2 * (OCI_SIGNATURES_MAX + 1) <= PROTO_SIGNATURES_MAX,
        "all signatures, and why others of a form are missing, may be sent");

/* What is being sent, of one form. */
typedef struct Gathering {
        StepChannel *channel; /* borrowed */
        const Digest *image;  /* borrowed */
        ProtoSignatureForm form;
        uint32_t *n_bytes; /* borrowed; sent so far, of all forms */
} Gathering;

/* Where a signature is received. */
typedef struct SignatureBuffer {
        char *data; /* owned */
        size_t size;
        size_t room;
} SignatureBuffer;

static void buffer_done(SignatureBuffer *buffer) {
        free(buffer->data);
}

static int on_data(void *userdata, const void *data, size_t size, Error *error) {
        SignatureBuffer *buffer = userdata;

        if (size > buffer->room - buffer->size)
                return error_set(
                        error, EFBIG, ERROR_DIGEST_MISMATCH,
                        "The signature is larger than the %zu bytes that its manifest states",
                        buffer->room);

        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
        return 0;
}

/* What a registry says about a signature is for the verdict. Everything else ends the job. */
static bool is_for_the_verdict(const Error *error) {
        return error->kind == ERROR_NOT_FOUND || error->kind == ERROR_ACCESS_DENIED ||
               error->kind == ERROR_AUTHENTICATION_REQUIRED ||
               error->kind == ERROR_REGISTRY_ERROR || error->kind == ERROR_DIGEST_MISMATCH ||
               error->kind == ERROR_UNSUPPORTED_IMAGE || error->kind == ERROR_LIMIT_EXCEEDED;
}

/* Sends why a signature is missing, if that is for the verdict: takes over @failure. */
static int send_problem(const Gathering *gathering, Error *failure, Error *error) {
        ProtoMessage message = {
                .type = PROTO_SIGNATURE,
                .signature.form = gathering->form,
        };

        if (!is_for_the_verdict(failure)) {
                const int r = -failure->code;

                error_move(error, failure);
                return r;
        }

        (void) proto_text_set(
                message.signature.problem, sizeof(message.signature.problem), error_text(failure));
        return step_send(gathering->channel->socket_fd, &message, error);
}

static int send_data(
        const Gathering *gathering, const char *text, const SignatureBuffer *buffer, Error *error) {
        const int socket_fd = gathering->channel->socket_fd;
        ProtoMessage message = {
                .type = PROTO_SIGNATURE,
                .signature = { .form = gathering->form, .size = (uint32_t) buffer->size },
        };
        int r;

        (void) proto_text_set(
                message.signature.signature, sizeof(message.signature.signature), text ? text : "");
        r = step_send(socket_fd, &message, error);

        for (size_t sent = 0; r >= 0 && sent < buffer->size;) {
                const size_t rest = buffer->size - sent;
                ProtoSignatureData *data = &message.signature_data;

                message = (ProtoMessage){ .type = PROTO_SIGNATURE_DATA };
                data->size = (uint32_t) (rest < sizeof(data->data) ? rest : sizeof(data->data));
                memcpy(data->data, buffer->data + sent, data->size);
                sent += data->size;
                r = step_send(socket_fd, &message, error);
        }

        return r;
}

/* Sizes are those that the manifests state: more is not fetched. */
static int check_size(const Gathering *gathering, const OciSignature *signature, Error *error) {
        if (signature->size > PROTO_SIGNATURE_BYTES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED, "it has %ju bytes, more than %u",
                        (uintmax_t) signature->size, PROTO_SIGNATURE_BYTES_MAX);
        if (signature->size > PROTO_SIGNATURES_BYTES_MAX - *gathering->n_bytes)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "with it, the image's signatures have more than %u bytes",
                        PROTO_SIGNATURES_BYTES_MAX);
        return 0;
}

static int fetch(
        const Gathering *gathering,
        const OciSignature *signature,
        SignatureBuffer *buffer,
        Error *error) {
        const SourceBlobRequest request = {
                .digest = &signature->digest,
                .size = signature->size,
                .write = on_data,
                .userdata = buffer,
        };
        int r;

        r = check_size(gathering, signature, error);
        if (r < 0)
                return r;

        buffer->room = (size_t) signature->size;
        buffer->data = malloc(buffer->room + 1);
        if (!buffer->data)
                return error_oom(error);
        return source_get_blob(gathering->channel->source, &request, error);
}

static int send_one(const Gathering *gathering, const OciSignature *signature, Error *error) {
        _cleanup_(buffer_done) SignatureBuffer buffer = { 0 };
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        int r;

        r = fetch(gathering, signature, &buffer, &failure);
        if (r < 0)
                return send_problem(gathering, &failure, error);

        *gathering->n_bytes += (uint32_t) buffer.size;
        return send_data(gathering, signature->text, &buffer, error);
}

/* Returns 1, 0 if there is none, or a negative errno. */
static int get_tagged(
        const Gathering *gathering, const char *suffix, SourceDocument *ret, Error *error) {
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        char tag[TAG_MAX], hex[DIGEST_HEX_MAX];
        int r;

        (void) snprintf(
                tag, sizeof(tag), "%s-%s%s",
                digest_algorithm_to_string(gathering->image->algorithm),
                digest_format_hex(gathering->image, hex), suffix);
        r = source_get_tagged(gathering->channel->source, tag, ret, &failure);
        if (r >= 0)
                return 1;
        if (failure.kind == ERROR_NOT_FOUND)
                return 0;
        error_move(error, &failure);
        return r;
}

/* The same for the list of referrers, which without support for it is an index with a tag. */
static int get_referrers(const Gathering *gathering, SourceDocument *ret, Error *error) {
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        int r;

        r = source_get_referrers(gathering->channel->source, gathering->image, ret, &failure);
        if (r >= 0)
                return 1;
        if (failure.kind == ERROR_NOT_FOUND)
                return get_tagged(gathering, "", ret, error);
        error_move(error, &failure);
        return r;
}

static int list_attached(const Gathering *gathering, OciSignatures *ret, Error *error) {
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        int r;

        r = get_tagged(gathering, ".sig", &document, error);
        return r <= 0 ? r : oci_signatures_parse_attached(document.data, document.size, ret, error);
}

static int list_bundles(const Gathering *gathering, OciSignatures *ret, Error *error) {
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        int r;

        r = get_referrers(gathering, &document, error);
        return r <= 0 ? r
                      : oci_signatures_parse_referrers(document.data, document.size, ret, error);
}

/* From a bundle's manifest to the bundle. */
static int find_bundle(
        const Gathering *gathering, const OciSignature *manifest, OciSignature *ret, Error *error) {
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        int r;

        r = source_get_manifest(gathering->channel->source, &manifest->digest, &document, error);
        return r < 0 ? r : oci_signatures_parse_bundle(document.data, document.size, ret, error);
}

static int send_bundle(const Gathering *gathering, const OciSignature *manifest, Error *error) {
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        OciSignature bundle;
        int r;

        r = find_bundle(gathering, manifest, &bundle, &failure);
        return r < 0 ? send_problem(gathering, &failure, error)
                     : send_one(gathering, &bundle, error);
}

static int send_attached(const Gathering *gathering, Error *error) {
        _cleanup_(oci_signatures_done) OciSignatures signatures = { 0 };
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        int r;

        r = list_attached(gathering, &signatures, &failure);
        if (r < 0)
                return send_problem(gathering, &failure, error);
        for (size_t i = 0; r >= 0 && i < signatures.n; i++)
                r = send_one(gathering, &signatures.all[i], error);
        return r;
}

static int send_bundles(const Gathering *gathering, Error *error) {
        _cleanup_(oci_signatures_done) OciSignatures manifests = { 0 };
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        int r;

        r = list_bundles(gathering, &manifests, &failure);
        if (r < 0)
                return send_problem(gathering, &failure, error);
        for (size_t i = 0; r >= 0 && i < manifests.n; i++)
                r = send_bundle(gathering, &manifests.all[i], error);
        return r;
}

int step_signatures_send(StepChannel *channel, const Digest *digest, Error *error) {
        const ProtoMessage end = { .type = PROTO_SIGNATURES_END };
        uint32_t n_bytes = 0;
        Gathering gathering = {
                .channel = channel,
                .image = digest,
                .form = PROTO_SIGNATURE_ATTACHED,
                .n_bytes = &n_bytes,
        };
        int r;

        r = send_attached(&gathering, error);
        gathering.form = PROTO_SIGNATURE_BUNDLE;
        if (r >= 0)
                r = send_bundles(&gathering, error);
        return r < 0 ? r : step_send(channel->socket_fd, &end, error);
}
