/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base-text.h"
#include "proto-message.h"

#define SIZE_OF(member) (offsetof(ProtoMessage, member) + sizeof(((ProtoMessage *) NULL)->member))

static const struct {
        size_t size; /* bytes */
        size_t fds_min, fds_max;
} shapes[_PROTO_TYPE_MAX] = {
        [PROTO_FETCH_START] = { SIZE_OF(fetch_start), 0, 2 },
        [PROTO_FETCH_ENDPOINT] = { SIZE_OF(fetch_endpoint), 0, 0 },
        [PROTO_RESOLVE_START] = { SIZE_OF(resolve_start), 0, 0 },
        [PROTO_VERIFY_START] = { SIZE_OF(verify_start), 0, 0 },
        [PROTO_VERIFY_BLOB] = { SIZE_OF(verify_blob), 1, 2 },
        [PROTO_VERIFY_DONE] = { SIZE_OF(type), 0, 0 },
        [PROTO_UNPACK_START] = { SIZE_OF(unpack_start), 1, 2 },
        [PROTO_DISK_START] = { SIZE_OF(disk_start), 1, 2 },
        [PROTO_BUILDER_START] = { SIZE_OF(builder_start), 1, 2 },
        [PROTO_TREE_START] = { SIZE_OF(tree_start), 1, 1 },
        [PROTO_TRUST_START] = { SIZE_OF(trust_start), 0, 1 },
        [PROTO_TRUST_DECISION] = { SIZE_OF(trust_decision), 0, 0 },
        [PROTO_TRUST_KEY] = { SIZE_OF(trust_key), 0, 0 },
        [PROTO_TRUST_ACCEPTED] = { SIZE_OF(trust_accepted), 0, 0 },
        [PROTO_SIGNATURE] = { SIZE_OF(signature), 0, 0 },
        [PROTO_SIGNATURE_DATA] = { SIZE_OF(signature_data), 0, 0 },
        [PROTO_SIGNATURES_END] = { SIZE_OF(type), 0, 0 },
        [PROTO_ID_RANGE] = { SIZE_OF(id_range), 0, 0 },
        [PROTO_DISK_IMAGE] = { SIZE_OF(disk_image), 1, 1 },
        [PROTO_BUILDER_ARGUMENT] = { SIZE_OF(builder_argument), 0, 0 },
        [PROTO_BLOB_ANSWER] = { SIZE_OF(blob_answer), 0, 1 },
        [PROTO_UNPACK_LAYER] = { SIZE_OF(unpack_layer), 1, 1 },
        [PROTO_UNPACK_GROWN] = { SIZE_OF(unpack_grown), 0, 0 },
        [PROTO_TOP] = { SIZE_OF(top), 0, 0 },
        [PROTO_UNPACK_RIGHTS] = { SIZE_OF(unpack_rights), 0, 0 },
        [PROTO_FETCH_READ] = { SIZE_OF(fetch_read), 0, 0 },
        [PROTO_FETCH_WAIT] = { SIZE_OF(fetch_wait), 0, 0 },
        [PROTO_VERIFY_FULL] = { SIZE_OF(verify_full), 0, 0 },
        [PROTO_VERIFY_ROOM] = { SIZE_OF(verify_room), 0, 0 },
        [PROTO_BLOB_WANTED] = { SIZE_OF(blob_wanted), 0, 0 },
        [PROTO_IMAGE] = { SIZE_OF(image), 0, 0 },
        [PROTO_LAYER] = { SIZE_OF(layer), 0, 0 },
        [PROTO_DETAIL] = { SIZE_OF(detail), 0, 0 },
        [PROTO_REPORT] = { SIZE_OF(report), 0, 0 },
        [PROTO_TAG] = { SIZE_OF(tag), 0, 0 },
        [PROTO_VERIFY_READY] = { SIZE_OF(verify_ready), 0, 0 },
        [PROTO_VERIFY_GROWN] = { SIZE_OF(verify_grown), 0, 0 },
        [PROTO_UNPACK_PROGRESS] = { SIZE_OF(unpack_progress), 0, 0 },
        [PROTO_DISK_LAYER] = { SIZE_OF(disk_layer), 0, 0 },
        [PROTO_BUILDER_PROGRESS] = { SIZE_OF(builder_progress), 0, 0 },
        [PROTO_WARNING] = { SIZE_OF(warning), 0, 0 },
        [PROTO_TRACE] = { SIZE_OF(trace), 0, 0 },
        [PROTO_RESULT] = { SIZE_OF(result), 0, 0 },
};

size_t proto_message_size(ProtoType type) {
        assert(type < _PROTO_TYPE_MAX);
        return shapes[type].size;
}

static size_t printable_character(const char *p) {
        uint32_t c = 0;
        size_t n = text_character(p, &c);

        return text_is_control(c) ? 0 : n;
}

static bool is_text(const char *field, size_t size) {
        size_t length = strnlen(field, size);

        if (length == size)
                return false;

        for (size_t i = 0; i < length;) {
                size_t n = printable_character(field + i);

                if (n == 0)
                        return false;
                i += n;
        }

        for (size_t i = length; i < size; i++)
                if (field[i] != '\0')
                        return false;
        return true;
}

bool proto_text_set(char *field, size_t field_size, const char *text) {
        size_t length = strlen(text), used = 0;

        memset(field, 0, field_size);

        for (size_t i = 0; i < length;) {
                size_t n = printable_character(text + i);

                if (used + (n > 0 ? n : 1) >= field_size)
                        return false;

                if (n > 0)
                        memcpy(field + used, text + i, n);
                else
                        field[used] = '?';
                used += n > 0 ? n : 1;
                i += n > 0 ? n : 1;
        }

        return true;
}

#define TEXT_OK(field) is_text((field), sizeof(field))

static bool is_flag(uint8_t value) {
        return value <= 1;
}

static bool is_sandbox_mode(uint8_t value) {
        return value < _SANDBOX_MODE_MAX;
}

static bool is_optional_digest(uint8_t has, const Digest *digest) {
        return is_flag(has) && digest_is_valid(digest);
}

/* The overflow ids belong to nobody, or rather to everybody. */
bool proto_id_is_valid(uint32_t id) {
        return id >= PROTO_USER_MIN && id != UINT16_MAX - 1 && id != UINT16_MAX && id != UINT32_MAX;
}

static bool is_user(const ProtoUser *user) {
        return (user->uid == 0 && user->gid == 0) ||
               (proto_id_is_valid(user->uid) && proto_id_is_valid(user->gid));
}

static bool fetch_start_is_valid(const ProtoFetchStart *m) {
        return TEXT_OK(m->source) && TEXT_OK(m->platform) && TEXT_OK(m->username) &&
               TEXT_OK(m->private_hosts) && TEXT_OK(m->token_servers) && TEXT_OK(m->auth_file) &&
               is_flag(m->has_password) && is_flag(m->has_auth) &&
               is_optional_digest(m->has_digest, &m->digest) && m->parallel_blobs >= 1 &&
               m->parallel_blobs <= PROTO_PARALLEL_MAX && m->n_endpoints <= PROTO_ENDPOINTS_MAX &&
               is_flag(m->inspect) && is_flag(m->list_tags) && is_flag(m->signatures) &&
               is_flag(m->keep_signed) && is_flag(m->trace) && is_sandbox_mode(m->sandbox) &&
               is_user(&m->user);
}

static bool fetch_endpoint_is_valid(const ProtoFetchEndpoint *m) {
        return TEXT_OK(m->reference) && is_flag(m->not_secure) && is_flag(m->is_own);
}

static bool fetch_wait_is_valid(const ProtoFetchWait *m) {
        return m->seconds >= 1 && m->seconds <= PROTO_WAIT_MAX && is_flag(m->is_asked);
}

static bool resolve_start_is_valid(const ProtoResolveStart *m) {
        return TEXT_OK(m->platform) && is_flag(m->offline) && is_flag(m->inspect) &&
               m->report < _PROTO_REPORT_KIND_MAX && is_sandbox_mode(m->sandbox) &&
               is_user(&m->user);
}

static bool blob_wanted_is_valid(const ProtoBlobWanted *m) {
        return digest_is_valid(&m->digest) && is_flag(m->want_content) && is_flag(m->lookup_only);
}

static bool image_is_valid(const ProtoImage *m) {
        return TEXT_OK(m->media_type) && TEXT_OK(m->layout_media_type) && TEXT_OK(m->platform) &&
               digest_is_valid(&m->digest) && digest_is_valid(&m->manifest) &&
               digest_is_valid(&m->layout) && is_optional_digest(m->has_config, &m->config) &&
               m->n_layers >= 1 && m->n_layers <= PROTO_LAYERS_MAX;
}

static bool layer_is_valid(const ProtoLayer *m) {
        return m->index < PROTO_LAYERS_MAX && digest_is_valid(&m->digest) &&
               is_optional_digest(m->has_diff_id, &m->diff_id) && TEXT_OK(m->media_type);
}

static bool top_is_valid(const ProtoTop *m) {
        return digest_is_valid(&m->digest) && TEXT_OK(m->media_type) && TEXT_OK(m->name) &&
               is_optional_digest(m->has_signed, &m->signed_digest);
}

static bool detail_is_valid(const ProtoDetail *m) {
        return m->kind < _PROTO_DETAIL_KIND_MAX && TEXT_OK(m->key) && TEXT_OK(m->value);
}

static bool unpack_layer_is_valid(const ProtoUnpackLayer *m) {
        return m->index < PROTO_LAYERS_MAX && is_optional_digest(m->has_digest, &m->digest) &&
               is_optional_digest(m->has_diff_id, &m->diff_id);
}

static bool has_images_for_layers(const ProtoDiskStart *m) {
        if (m->is_flat)
                return m->n_images == 1 && !m->shares_layers;
        return m->n_images >= m->n_layers && m->n_images <= m->n_layers + 1 && !m->is_raw;
}

static bool disk_start_is_valid(const ProtoDiskStart *m) {
        return m->n_layers >= 1 && m->n_layers <= PROTO_LAYERS_MAX && is_flag(m->is_flat) &&
               is_flag(m->is_raw) && is_flag(m->shares_layers) && has_images_for_layers(m) &&
               m->n_id_ranges <= 2 * ID_RANGES_MAX && m->size >= DISK_SIZE_MIN &&
               m->size <= DISK_SIZE_MAX && m->size % DISK_BLOCK_BYTES == 0 &&
               is_sandbox_mode(m->sandbox) && is_flag(m->no_sync) && TEXT_OK(m->label) &&
               is_user(&m->user);
}

static bool disk_image_is_valid(const ProtoDiskImage *m) {
        return m->index < PROTO_IMAGES_MAX && is_flag(m->is_complete) && TEXT_OK(m->backing);
}

static bool builder_start_is_valid(const ProtoBuilderStart *m) {
        return TEXT_OK(m->template) && m->n_arguments <= PROTO_ARGUMENTS_MAX &&
               is_sandbox_mode(m->sandbox) && is_user(&m->user);
}

static bool unpack_start_is_valid(const ProtoUnpackStart *m) {
        return m->n_layers >= 1 && m->n_layers <= PROTO_LAYERS_MAX &&
               m->n_id_ranges <= 2 * ID_RANGES_MAX && is_sandbox_mode(m->sandbox) &&
               is_flag(m->keeps_devices) && is_flag(m->no_sync);
}

static bool tree_start_is_valid(const ProtoTreeStart *m) {
        return m->operation < _PROTO_TREE_OPERATION_MAX && is_sandbox_mode(m->sandbox) &&
               strnlen(m->name, sizeof(m->name)) < sizeof(m->name) &&
               strnlen(m->target, sizeof(m->target)) < sizeof(m->target);
}

static bool builder_argument_is_valid(const ProtoBuilderArgument *m) {
        return strnlen(m->text, sizeof(m->text)) < sizeof(m->text);
}

static bool unpack_grown_is_valid(const ProtoUnpackGrown *m) {
        return m->index < PROTO_LAYERS_MAX && is_flag(m->is_complete);
}

/* Whether a message with what is only shown is valid. */
static bool shown_is_valid(const ProtoMessage *m) {
        if (m->type == PROTO_WARNING)
                return TEXT_OK(m->warning.text);
        if (m->type == PROTO_TRACE)
                return TEXT_OK(m->trace.text);
        if (m->type == PROTO_TAG)
                return TEXT_OK(m->tag.name);
        return m->report.size >= 1 && m->report.size <= sizeof(m->report.data);
}

static bool verify_blob_is_valid(const ProtoVerifyBlob *m) {
        return digest_is_valid(&m->digest) && is_flag(m->is_last) && is_flag(m->no_sync);
}

static bool result_is_valid(const ProtoResult *m) {
        return m->outcome < _PROTO_OUTCOME_MAX && m->code < 4096 &&
               (m->outcome == PROTO_OUTCOME_DONE) == (m->code == 0) && m->kind < _ERROR_KIND_MAX &&
               TEXT_OK(m->text);
}

static bool trust_start_is_valid(const ProtoTrustStart *m) {
        return TEXT_OK(m->policy) && TEXT_OK(m->transport) && TEXT_OK(m->reference) &&
               TEXT_OK(m->path) && is_flag(m->require_signed) && is_sandbox_mode(m->sandbox) &&
               is_user(&m->user);
}

static bool signature_is_valid(const ProtoSignature *m) {
        return m->form < _PROTO_SIGNATURE_FORM_MAX && m->size <= PROTO_SIGNATURE_BYTES_MAX &&
               TEXT_OK(m->signature) && TEXT_OK(m->problem);
}

/* Whether a message to or from a trust worker is valid. */
static bool trust_is_valid(const ProtoMessage *m) {
        if (m->type == PROTO_TRUST_START)
                return trust_start_is_valid(&m->trust_start);
        if (m->type == PROTO_SIGNATURE)
                return signature_is_valid(&m->signature);
        if (m->type == PROTO_SIGNATURE_DATA)
                return m->signature_data.size >= 1 &&
                       m->signature_data.size <= sizeof(m->signature_data.data);
        if (m->type == PROTO_TRUST_DECISION)
                return is_flag(m->trust_decision.needs_signatures) &&
                       TEXT_OK(m->trust_decision.rule) && TEXT_OK(m->trust_decision.scope);
        if (m->type == PROTO_TRUST_KEY)
                return digest_is_valid(&m->trust_key.fingerprint) && TEXT_OK(m->trust_key.origin);
        return m->trust_accepted.form < _PROTO_SIGNATURE_FORM_MAX &&
               digest_is_valid(&m->trust_accepted.fingerprint) &&
               TEXT_OK(m->trust_accepted.identity);
}

static bool is_valid(const ProtoMessage *m) {
        switch ((ProtoType) m->type) {
        case PROTO_FETCH_START:
                return fetch_start_is_valid(&m->fetch_start);
        case PROTO_FETCH_ENDPOINT:
                return fetch_endpoint_is_valid(&m->fetch_endpoint);
        case PROTO_RESOLVE_START:
                return resolve_start_is_valid(&m->resolve_start);
        case PROTO_VERIFY_START:
                return is_sandbox_mode(m->verify_start.sandbox) && is_user(&m->verify_start.user);
        case PROTO_VERIFY_BLOB:
                return verify_blob_is_valid(&m->verify_blob);
        case PROTO_UNPACK_START:
                return unpack_start_is_valid(&m->unpack_start);
        case PROTO_DISK_START:
                return disk_start_is_valid(&m->disk_start);
        case PROTO_BUILDER_START:
                return builder_start_is_valid(&m->builder_start);
        case PROTO_UNPACK_RIGHTS:
                return m->unpack_rights.n > 0 && TEXT_OK(m->unpack_rights.example);
        case PROTO_TREE_START:
                return tree_start_is_valid(&m->tree_start);
        case PROTO_TRUST_START:
        case PROTO_TRUST_DECISION:
        case PROTO_TRUST_KEY:
        case PROTO_TRUST_ACCEPTED:
        case PROTO_SIGNATURE:
        case PROTO_SIGNATURE_DATA:
                return trust_is_valid(m);
        case PROTO_ID_RANGE:
                return is_flag(m->id_range.is_group);
        case PROTO_DISK_IMAGE:
                return disk_image_is_valid(&m->disk_image);
        case PROTO_BUILDER_ARGUMENT:
                return builder_argument_is_valid(&m->builder_argument);
        case PROTO_TOP:
                return top_is_valid(&m->top);
        case PROTO_BLOB_ANSWER:
                return m->blob_answer.state < _PROTO_BLOB_STATE_MAX;
        case PROTO_UNPACK_LAYER:
                return unpack_layer_is_valid(&m->unpack_layer);
        case PROTO_UNPACK_GROWN:
                return unpack_grown_is_valid(&m->unpack_grown);
        case PROTO_FETCH_WAIT:
                return fetch_wait_is_valid(&m->fetch_wait);
        case PROTO_BLOB_WANTED:
                return blob_wanted_is_valid(&m->blob_wanted);
        case PROTO_IMAGE:
                return image_is_valid(&m->image);
        case PROTO_LAYER:
                return layer_is_valid(&m->layer);
        case PROTO_DETAIL:
                return detail_is_valid(&m->detail);
        case PROTO_REPORT:
        case PROTO_TAG:
        case PROTO_WARNING:
        case PROTO_TRACE:
                return shown_is_valid(m);
        case PROTO_DISK_LAYER:
                return m->disk_layer.index < PROTO_LAYERS_MAX;
        case PROTO_BUILDER_PROGRESS:
                return m->builder_progress.permille <= 1000;
        case PROTO_RESULT:
                return result_is_valid(&m->result);
        case PROTO_VERIFY_ROOM:
                return is_flag(m->verify_room.is_made);
        case PROTO_FETCH_READ:
        case PROTO_SIGNATURES_END:
        case PROTO_VERIFY_DONE:
        case PROTO_VERIFY_FULL:
        case PROTO_VERIFY_READY:
        case PROTO_VERIFY_GROWN:
        case PROTO_UNPACK_PROGRESS:
                return true;
        case _PROTO_TYPE_MAX:
                break;
        }

        return false;
}

int proto_message_check(const ProtoMessage *message, size_t size, size_t n_fds, Error *error) {
        if (size < sizeof(message->type) || message->type >= _PROTO_TYPE_MAX)
                return error_set(error, EBADMSG, ERROR_WORKER_FAILED, "Message of an unknown type");
        if (size != shapes[message->type].size)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "Message of type %u has %zu bytes; expected %zu", message->type, size,
                        shapes[message->type].size);
        if (n_fds < shapes[message->type].fds_min || n_fds > shapes[message->type].fds_max)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "Message of type %u arrived with %zu descriptors", message->type, n_fds);
        if (!is_valid(message))
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "Message of type %u has a field that is out of range", message->type);
        return 0;
}

void proto_result_set(ProtoMessage *message, ProtoOutcome failure, const Error *error) {
        assert(failure != PROTO_OUTCOME_DONE);
        *message = (ProtoMessage){ .type = PROTO_RESULT };
        if (!error || error->code == 0)
                return;

        message->result.outcome = failure;
        message->result.code = (uint32_t) error->code;
        message->result.kind = error->kind;
        (void) proto_text_set(
                message->result.text, sizeof(message->result.text), error_text(error));
}
