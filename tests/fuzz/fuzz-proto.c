/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fuzz.h"
#include "proto-message.h"

#define TRAP_UNLESS(condition)                                                                     \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        __builtin_trap();                                                          \
        } while (0)

/* What is accepted ends, is printable, and can be shown again as it is; digests have what belongs to
 * their algorithm; numbers are in their tables. */

static void check_text(const char *field, size_t size) {
        char again[4096];
        size_t length = strnlen(field, size);

        TRAP_UNLESS(length < size && size <= sizeof(again));
        for (size_t i = 0; i < length; i++)
                TRAP_UNLESS((unsigned char) field[i] >= ' ' && field[i] != 0x7f);
        for (size_t i = length; i < size; i++)
                TRAP_UNLESS(field[i] == '\0');
        TRAP_UNLESS(proto_text_set(again, size, field) && memcmp(again, field, size) == 0);
}

#define CHECK_TEXT(field) check_text((field), sizeof(field))

static void check_digest(const Digest *digest) {
        char text[DIGEST_STRING_MAX];
        Digest again;

        TRAP_UNLESS(digest->algorithm < _DIGEST_ALGORITHM_MAX);
        TRAP_UNLESS(digest_parse(digest_format(digest, text), &again) == 0);
        TRAP_UNLESS(digest_equal(digest, &again));
}

static void check_image(const ProtoImage *image) {
        CHECK_TEXT(image->media_type);
        CHECK_TEXT(image->layout_media_type);
        CHECK_TEXT(image->platform);
        check_digest(&image->digest);
        check_digest(&image->manifest);
        check_digest(&image->layout);
        check_digest(&image->config);
        TRAP_UNLESS(image->has_config <= 1);
        TRAP_UNLESS(image->n_layers >= 1 && image->n_layers <= PROTO_LAYERS_MAX);
}

static void check_top(const ProtoTop *top) {
        check_digest(&top->digest);
        check_digest(&top->signed_digest);
        TRAP_UNLESS(top->has_signed <= 1);
        CHECK_TEXT(top->media_type);
        CHECK_TEXT(top->name);
}

static void check_layer(const ProtoLayer *layer) {
        TRAP_UNLESS(layer->index < PROTO_LAYERS_MAX && layer->has_diff_id <= 1);
        CHECK_TEXT(layer->media_type);
        check_digest(&layer->digest);
        check_digest(&layer->diff_id);
}

static void check_detail(const ProtoDetail *detail) {
        TRAP_UNLESS(detail->kind < _PROTO_DETAIL_KIND_MAX);
        CHECK_TEXT(detail->key);
        CHECK_TEXT(detail->value);
}

static void check_result(const ProtoResult *result) {
        TRAP_UNLESS(result->outcome < _PROTO_OUTCOME_MAX);
        TRAP_UNLESS(result->code < 4096);
        TRAP_UNLESS(error_kind_to_bus_name((ErrorKind) result->kind) != NULL);
        CHECK_TEXT(result->text);
}

/* What a trust worker says, and the signatures that it gets from a fetch worker. */
static void check_trust(const ProtoMessage *m) {
        if (m->type == PROTO_TRUST_DECISION) {
                TRAP_UNLESS(m->trust_decision.needs_signatures <= 1);
                CHECK_TEXT(m->trust_decision.rule);
                CHECK_TEXT(m->trust_decision.scope);
        } else if (m->type == PROTO_TRUST_KEY) {
                check_digest(&m->trust_key.fingerprint);
                CHECK_TEXT(m->trust_key.origin);
        } else if (m->type == PROTO_TRUST_ACCEPTED) {
                TRAP_UNLESS(m->trust_accepted.form < _PROTO_SIGNATURE_FORM_MAX);
                check_digest(&m->trust_accepted.fingerprint);
                CHECK_TEXT(m->trust_accepted.identity);
        } else if (m->type == PROTO_SIGNATURE) {
                TRAP_UNLESS(m->signature.form < _PROTO_SIGNATURE_FORM_MAX);
                TRAP_UNLESS(m->signature.size <= PROTO_SIGNATURE_BYTES_MAX);
                CHECK_TEXT(m->signature.signature);
                CHECK_TEXT(m->signature.problem);
        } else
                TRAP_UNLESS(
                        m->signature_data.size >= 1 &&
                        m->signature_data.size <= sizeof(m->signature_data.data));
}

static void check_line(const ProtoMessage *m) {
        if (m->type == PROTO_TAG)
                CHECK_TEXT(m->tag.name);
        else if (m->type == PROTO_WARNING)
                CHECK_TEXT(m->warning.text);
        else
                CHECK_TEXT(m->trace.text);
}

/* What a worker may send. */
static void check_from_worker(const ProtoMessage *m) {
        switch ((ProtoType) m->type) {
        case PROTO_TOP:
                check_top(&m->top);
                break;
        case PROTO_BLOB_WANTED:
                check_digest(&m->blob_wanted.digest);
                TRAP_UNLESS(m->blob_wanted.want_content <= 1 && m->blob_wanted.lookup_only <= 1);
                break;
        case PROTO_IMAGE:
                check_image(&m->image);
                break;
        case PROTO_LAYER:
                check_layer(&m->layer);
                break;
        case PROTO_DETAIL:
                check_detail(&m->detail);
                break;
        case PROTO_REPORT:
                TRAP_UNLESS(m->report.size >= 1 && m->report.size <= sizeof(m->report.data));
                break;
        case PROTO_TAG:
        case PROTO_WARNING:
        case PROTO_TRACE:
                check_line(m);
                break;
        case PROTO_RESULT:
                check_result(&m->result);
                break;
        case PROTO_UNPACK_RIGHTS:
                TRAP_UNLESS(m->unpack_rights.n > 0);
                CHECK_TEXT(m->unpack_rights.example);
                break;
        case PROTO_BUILDER_PROGRESS:
                TRAP_UNLESS(m->builder_progress.permille <= 1000);
                break;
        case PROTO_FETCH_WAIT:
                TRAP_UNLESS(m->fetch_wait.seconds > 0 && m->fetch_wait.seconds <= PROTO_WAIT_MAX);
                break;
        case PROTO_DISK_LAYER:
                TRAP_UNLESS(m->disk_layer.index < PROTO_LAYERS_MAX);
                break;
        case PROTO_TRUST_DECISION:
        case PROTO_TRUST_KEY:
        case PROTO_TRUST_ACCEPTED:
        case PROTO_SIGNATURE:
        case PROTO_SIGNATURE_DATA:
                check_trust(m);
                break;
        case PROTO_SIGNATURES_END:
        case PROTO_TRUST_START:
        case PROTO_FETCH_START:
        case PROTO_FETCH_ENDPOINT:
        case PROTO_RESOLVE_START:
        case PROTO_VERIFY_START:
        case PROTO_VERIFY_BLOB:
        case PROTO_VERIFY_DONE:
        case PROTO_UNPACK_START:
        case PROTO_DISK_START:
        case PROTO_DISK_IMAGE:
        case PROTO_BUILDER_START:
        case PROTO_BUILDER_ARGUMENT:
        case PROTO_TREE_START:
        case PROTO_ID_RANGE:
        case PROTO_BLOB_ANSWER:
        case PROTO_UNPACK_LAYER:
        case PROTO_UNPACK_GROWN:
        case PROTO_FETCH_READ:
        case PROTO_VERIFY_READY:
        case PROTO_VERIFY_GROWN:
        case PROTO_VERIFY_FULL:
        case PROTO_VERIFY_ROOM:
        case PROTO_UNPACK_PROGRESS:
                break;
        case _PROTO_TYPE_MAX:
                __builtin_trap();
        }
}

static void check_user(const ProtoUser *user) {
        TRAP_UNLESS(user->uid == 0 || (user->uid >= PROTO_USER_MIN && user->uid != 65534));
        TRAP_UNLESS((user->uid == 0) == (user->gid == 0));
}

static void check_from_daemon(const ProtoMessage *m) {
        if (m->type == PROTO_FETCH_START) {
                CHECK_TEXT(m->fetch_start.source);
                CHECK_TEXT(m->fetch_start.platform);
                CHECK_TEXT(m->fetch_start.username);
                check_digest(&m->fetch_start.digest);
                check_user(&m->fetch_start.user);
                TRAP_UNLESS(m->fetch_start.n_endpoints <= PROTO_ENDPOINTS_MAX);
        } else if (m->type == PROTO_FETCH_ENDPOINT) {
                CHECK_TEXT(m->fetch_endpoint.reference);
        } else if (m->type == PROTO_VERIFY_START) {
                check_user(&m->verify_start.user);
        } else if (m->type == PROTO_VERIFY_BLOB) {
                check_digest(&m->verify_blob.digest);
        } else if (m->type == PROTO_UNPACK_START) {
                TRAP_UNLESS(m->unpack_start.n_id_ranges <= 2 * ID_RANGES_MAX);
        } else if (m->type == PROTO_DISK_START) {
                TRAP_UNLESS(m->disk_start.n_images <= PROTO_IMAGES_MAX);
                TRAP_UNLESS(m->disk_start.size <= DISK_SIZE_MAX);
                CHECK_TEXT(m->disk_start.label);
                check_user(&m->disk_start.user);
        } else if (m->type == PROTO_DISK_IMAGE) {
                TRAP_UNLESS(m->disk_image.index < PROTO_IMAGES_MAX);
                CHECK_TEXT(m->disk_image.backing);
        } else if (m->type == PROTO_BUILDER_START) {
                CHECK_TEXT(m->builder_start.template);
                check_user(&m->builder_start.user);
        } else if (m->type == PROTO_BUILDER_ARGUMENT) {
                TRAP_UNLESS(memchr(m->builder_argument.text, 0, sizeof(m->builder_argument.text)));
        } else if (m->type == PROTO_TREE_START) {
                TRAP_UNLESS(m->tree_start.operation < _PROTO_TREE_OPERATION_MAX);
                TRAP_UNLESS(memchr(m->tree_start.name, 0, sizeof(m->tree_start.name)));
                TRAP_UNLESS(memchr(m->tree_start.target, 0, sizeof(m->tree_start.target)));
        } else if (m->type == PROTO_UNPACK_LAYER) {
                TRAP_UNLESS(m->unpack_layer.index < PROTO_LAYERS_MAX);
                check_digest(&m->unpack_layer.digest);
                check_digest(&m->unpack_layer.diff_id);
        } else if (m->type == PROTO_BLOB_ANSWER) {
                TRAP_UNLESS(m->blob_answer.state < _PROTO_BLOB_STATE_MAX);
        }
}

/* Bytes: descriptors; the type; how many bytes more or less than a message of it has; the fields, zero
 * where the input ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ProtoMessage message = { 0 };
        size_t n_fds, message_size = sizeof(message.type), room;

        if (size < 3)
                return 0;

        n_fds = data[0];
        message.type = data[1];
        if (message.type < _PROTO_TYPE_MAX)
                message_size = proto_message_size((ProtoType) message.type);
        message_size += (size_t) (int8_t) data[2];
        data += 3;
        size -= 3;

        room = sizeof(message) - sizeof(message.type);
        memcpy((uint8_t *) &message + sizeof(message.type), data, size < room ? size : room);
        if (proto_message_check(&message, message_size, n_fds, NULL) < 0)
                return 0;

        TRAP_UNLESS(message_size == proto_message_size((ProtoType) message.type));
        TRAP_UNLESS(n_fds <= PROTO_FDS_MAX);
        check_from_worker(&message);
        check_from_daemon(&message);
        return 0;
}
