/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "proto-message.h"

/* What the protocol says of descriptors. */
static const struct {
        size_t min, max;
} descriptors[_PROTO_TYPE_MAX] = {
        [PROTO_FETCH_START] = { 0, 2 },   [PROTO_VERIFY_BLOB] = { 1, 2 },
        [PROTO_UNPACK_START] = { 1, 2 },  [PROTO_TREE_START] = { 1, 1 },
        [PROTO_BLOB_ANSWER] = { 0, 1 },   [PROTO_UNPACK_LAYER] = { 1, 1 },
        [PROTO_DISK_START] = { 1, 2 },    [PROTO_DISK_IMAGE] = { 1, 1 },
        [PROTO_BUILDER_START] = { 1, 2 }, [PROTO_TRUST_START] = { 0, 1 },
};

typedef struct Field {
        ProtoType type;
        size_t offset;
        size_t size;
} Field;

#define FIELD(type, member)                                                                        \
        { type, offsetof(ProtoMessage, member), sizeof(((ProtoMessage *) NULL)->member) }

static const Field texts[] = {
        FIELD(PROTO_FETCH_START, fetch_start.source),
        FIELD(PROTO_FETCH_START, fetch_start.platform),
        FIELD(PROTO_FETCH_START, fetch_start.username),
        FIELD(PROTO_FETCH_ENDPOINT, fetch_endpoint.reference),
        FIELD(PROTO_FETCH_START, fetch_start.private_hosts),
        FIELD(PROTO_FETCH_START, fetch_start.token_servers),
        FIELD(PROTO_FETCH_START, fetch_start.auth_file),
        FIELD(PROTO_DISK_START, disk_start.label),
        FIELD(PROTO_DISK_IMAGE, disk_image.backing),
        FIELD(PROTO_BUILDER_START, builder_start.template),
        FIELD(PROTO_RESOLVE_START, resolve_start.platform),
        FIELD(PROTO_TOP, top.media_type),
        FIELD(PROTO_TOP, top.name),
        FIELD(PROTO_IMAGE, image.media_type),
        FIELD(PROTO_IMAGE, image.layout_media_type),
        FIELD(PROTO_IMAGE, image.platform),
        FIELD(PROTO_LAYER, layer.media_type),
        FIELD(PROTO_DETAIL, detail.key),
        FIELD(PROTO_DETAIL, detail.value),
        FIELD(PROTO_TAG, tag.name),
        FIELD(PROTO_UNPACK_RIGHTS, unpack_rights.example),
        FIELD(PROTO_TRUST_START, trust_start.policy),
        FIELD(PROTO_TRUST_START, trust_start.transport),
        FIELD(PROTO_TRUST_START, trust_start.reference),
        FIELD(PROTO_TRUST_START, trust_start.path),
        FIELD(PROTO_TRUST_DECISION, trust_decision.rule),
        FIELD(PROTO_TRUST_DECISION, trust_decision.scope),
        FIELD(PROTO_TRUST_KEY, trust_key.origin),
        FIELD(PROTO_TRUST_ACCEPTED, trust_accepted.identity),
        FIELD(PROTO_SIGNATURE, signature.signature),
        FIELD(PROTO_SIGNATURE, signature.problem),
        FIELD(PROTO_WARNING, warning.text),
        FIELD(PROTO_TRACE, trace.text),
        FIELD(PROTO_RESULT, result.text),
};

static const Field flags[] = {
        FIELD(PROTO_FETCH_START, fetch_start.has_digest),
        FIELD(PROTO_FETCH_ENDPOINT, fetch_endpoint.not_secure),
        FIELD(PROTO_FETCH_ENDPOINT, fetch_endpoint.is_own),
        FIELD(PROTO_FETCH_START, fetch_start.has_password),
        FIELD(PROTO_FETCH_START, fetch_start.has_auth),
        FIELD(PROTO_FETCH_START, fetch_start.inspect),
        FIELD(PROTO_FETCH_START, fetch_start.list_tags),
        FIELD(PROTO_FETCH_START, fetch_start.signatures),
        FIELD(PROTO_TRUST_START, trust_start.require_signed),
        FIELD(PROTO_TRUST_DECISION, trust_decision.needs_signatures),
        FIELD(PROTO_FETCH_START, fetch_start.keep_signed),
        FIELD(PROTO_FETCH_START, fetch_start.trace),
        FIELD(PROTO_TOP, top.has_signed),
        FIELD(PROTO_RESOLVE_START, resolve_start.offline),
        FIELD(PROTO_RESOLVE_START, resolve_start.inspect),
        FIELD(PROTO_UNPACK_START, unpack_start.keeps_devices),
        FIELD(PROTO_UNPACK_START, unpack_start.no_sync),
        FIELD(PROTO_VERIFY_ROOM, verify_room.is_made),
        FIELD(PROTO_VERIFY_BLOB, verify_blob.is_last),
        FIELD(PROTO_VERIFY_BLOB, verify_blob.no_sync),
        FIELD(PROTO_DISK_START, disk_start.shares_layers),
        FIELD(PROTO_DISK_START, disk_start.no_sync),
        FIELD(PROTO_DISK_IMAGE, disk_image.is_complete),
        FIELD(PROTO_ID_RANGE, id_range.is_group),
        FIELD(PROTO_UNPACK_LAYER, unpack_layer.has_digest),
        FIELD(PROTO_UNPACK_LAYER, unpack_layer.has_diff_id),
        FIELD(PROTO_UNPACK_GROWN, unpack_grown.is_complete),
        FIELD(PROTO_FETCH_WAIT, fetch_wait.is_asked),
        FIELD(PROTO_BLOB_WANTED, blob_wanted.want_content),
        FIELD(PROTO_BLOB_WANTED, blob_wanted.lookup_only),
        FIELD(PROTO_LAYER, layer.has_diff_id),
        FIELD(PROTO_IMAGE, image.has_config),
};

static const Field sandboxes[] = {
        FIELD(PROTO_FETCH_START, fetch_start.sandbox),
        FIELD(PROTO_RESOLVE_START, resolve_start.sandbox),
        FIELD(PROTO_VERIFY_START, verify_start.sandbox),
        FIELD(PROTO_UNPACK_START, unpack_start.sandbox),
        FIELD(PROTO_DISK_START, disk_start.sandbox),
        FIELD(PROTO_BUILDER_START, builder_start.sandbox),
        FIELD(PROTO_TREE_START, tree_start.sandbox),
        FIELD(PROTO_TRUST_START, trust_start.sandbox),
};

static const Field digests[] = {
        FIELD(PROTO_FETCH_START, fetch_start.digest),
        FIELD(PROTO_VERIFY_BLOB, verify_blob.digest),
        FIELD(PROTO_TOP, top.digest),
        FIELD(PROTO_TRUST_KEY, trust_key.fingerprint),
        FIELD(PROTO_TRUST_ACCEPTED, trust_accepted.fingerprint),
        FIELD(PROTO_TOP, top.signed_digest),
        FIELD(PROTO_UNPACK_LAYER, unpack_layer.digest),
        FIELD(PROTO_UNPACK_LAYER, unpack_layer.diff_id),
        FIELD(PROTO_BLOB_WANTED, blob_wanted.digest),
        FIELD(PROTO_IMAGE, image.digest),
        FIELD(PROTO_IMAGE, image.manifest),
        FIELD(PROTO_IMAGE, image.layout),
        FIELD(PROTO_IMAGE, image.config),
        FIELD(PROTO_LAYER, layer.digest),
        FIELD(PROTO_LAYER, layer.diff_id),
};

/* Each is two ids, of a user and of a group. */
static const Field users[] = {
        FIELD(PROTO_FETCH_START, fetch_start.user),
        FIELD(PROTO_RESOLVE_START, resolve_start.user),
        FIELD(PROTO_VERIFY_START, verify_start.user),
        FIELD(PROTO_DISK_START, disk_start.user),
        FIELD(PROTO_BUILDER_START, builder_start.user),
        FIELD(PROTO_TRUST_START, trust_start.user),
};

static const struct {
        Field field;
        uint32_t last_good, first_bad;
} numbers[] = {
        { FIELD(PROTO_FETCH_START, fetch_start.parallel_blobs), 16, 17 },
        { FIELD(PROTO_FETCH_START, fetch_start.parallel_blobs), 1, 0 },
        { FIELD(PROTO_FETCH_WAIT, fetch_wait.seconds), 601, 602 },
        { FIELD(PROTO_FETCH_WAIT, fetch_wait.seconds), 1, 0 },
        { FIELD(PROTO_FETCH_START, fetch_start.n_endpoints), 32, 33 },
        { FIELD(PROTO_UNPACK_START, unpack_start.n_layers), 1000, 1001 },
        { FIELD(PROTO_UNPACK_START, unpack_start.n_layers), 1, 0 },
        { FIELD(PROTO_UNPACK_START, unpack_start.n_id_ranges), 680, 681 },
        { FIELD(PROTO_DISK_START, disk_start.n_layers), 999, 1001 },
        { FIELD(PROTO_DISK_START, disk_start.n_layers), 1000, 0 },
        { FIELD(PROTO_DISK_START, disk_start.n_images), 1000, 998 },
        { FIELD(PROTO_DISK_START, disk_start.n_images), 999, 1001 },
        { FIELD(PROTO_DISK_START, disk_start.n_id_ranges), 680, 681 },
        { FIELD(PROTO_DISK_IMAGE, disk_image.index), 1000, 1001 },
        { FIELD(PROTO_BUILDER_START, builder_start.n_arguments), 64, 65 },
        { FIELD(PROTO_BUILDER_PROGRESS, builder_progress.permille), 1000, 1001 },
        { FIELD(PROTO_TREE_START, tree_start.operation), PROTO_TREE_EXCHANGE, 5 },
        { FIELD(PROTO_BLOB_ANSWER, blob_answer.state), PROTO_BLOB_ABSENT, 3 },
        { FIELD(PROTO_UNPACK_LAYER, unpack_layer.index), 999, 1000 },
        { FIELD(PROTO_UNPACK_GROWN, unpack_grown.index), 999, 1000 },
        { FIELD(PROTO_IMAGE, image.n_layers), 1000, 1001 },
        { FIELD(PROTO_IMAGE, image.n_layers), 1, 0 },
        { FIELD(PROTO_LAYER, layer.index), 999, 1000 },
        { FIELD(PROTO_DETAIL, detail.kind), PROTO_DETAIL_ENV, _PROTO_DETAIL_KIND_MAX },
        { FIELD(PROTO_REPORT, report.size), 4096, 4097 },
        { FIELD(PROTO_REPORT, report.size), 1, 0 },
        { FIELD(PROTO_TRUST_ACCEPTED, trust_accepted.form), PROTO_SIGNATURE_BUNDLE, 2 },
        { FIELD(PROTO_SIGNATURE, signature.form), PROTO_SIGNATURE_BUNDLE, 2 },
        { FIELD(PROTO_SIGNATURE, signature.size), 131072, 131073 },
        { FIELD(PROTO_SIGNATURE_DATA, signature_data.size), 4096, 4097 },
        { FIELD(PROTO_SIGNATURE_DATA, signature_data.size), 1, 0 },
        { FIELD(PROTO_RESULT, result.code), 4095, 4096 },
        { FIELD(PROTO_RESULT, result.kind), ERROR_WORKER_FAILED, _ERROR_KIND_MAX },
        { FIELD(PROTO_RESULT, result.outcome), PROTO_OUTCOME_OUTPUT_CLOSED, _PROTO_OUTCOME_MAX },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static ProtoMessage good_message(ProtoType type) {
        ProtoMessage message = { .type = type };

        if (type == PROTO_FETCH_START)
                message.fetch_start.parallel_blobs = 6;
        if (type == PROTO_FETCH_WAIT)
                message.fetch_wait.seconds = 1;
        if (type == PROTO_UNPACK_START)
                message.unpack_start.n_layers = 1;
        if (type == PROTO_DISK_START) {
                message.disk_start.n_layers = 999;
                message.disk_start.n_images = 1000;
                message.disk_start.size = DISK_SIZE_DEFAULT;
        }
        if (type == PROTO_UNPACK_RIGHTS)
                message.unpack_rights.n = 1;
        if (type == PROTO_SIGNATURE_DATA)
                message.signature_data.size = 1;
        if (type == PROTO_IMAGE)
                message.image.n_layers = 1;
        if (type == PROTO_REPORT)
                message.report.size = 1;
        if (type == PROTO_RESULT) {
                message.result.outcome = PROTO_OUTCOME_FAILED;
                message.result.code = EIO;
        }
        return message;
}

static int check(const ProtoMessage *message) {
        ProtoType type = (ProtoType) message->type;

        return proto_message_check(message, proto_message_size(type), descriptors[type].min, NULL);
}

TEST(every_type_is_accepted_in_its_shape) {
        for (ProtoType type = 0; type < _PROTO_TYPE_MAX; type++) {
                ProtoMessage message = good_message(type);

                assert_int_equal(check(&message), 0);
        }
}

TEST(wrong_size_is_refused) {
        for (ProtoType type = 0; type < _PROTO_TYPE_MAX; type++) {
                ProtoMessage message = good_message(type);
                size_t size = proto_message_size(type), n_fds = descriptors[type].min;

                assert_true(size >= sizeof(message.type) && size <= sizeof(message));
                assert_int_equal(proto_message_check(&message, size - 1, n_fds, NULL), -EBADMSG);
                assert_int_equal(proto_message_check(&message, size + 1, n_fds, NULL), -EBADMSG);
                for (size_t i = 0; i < sizeof(message.type); i++)
                        assert_int_equal(proto_message_check(&message, i, n_fds, NULL), -EBADMSG);
        }
}

TEST(workers_become_neither_the_systems_users_nor_nobody) {
        static const ProtoUser good[] = {
                { 0, 0 }, { 100, 100 }, { 61184, 61184 }, { 998, 997 }, { 65533, 65536 },
        };
        static const ProtoUser bad[] = {
                { 1, 1 },
                { 99, 99 },
                { 0, 61184 },
                { 61184, 0 },
                { 65534, 65534 },
                { 65534, 61184 },
                { 61184, 65534 },
                { 65535, 65535 },
                { 61184, 33 },
                { 61184, UINT32_MAX },
                { UINT32_MAX, 61184 },
        };

        for (size_t i = 0; i < N(users); i++) {
                ProtoMessage message = good_message(users[i].type);
                ProtoUser *user = (void *) ((char *) &message + users[i].offset);

                for (size_t j = 0; j < N(good); j++) {
                        *user = good[j];
                        assert_int_equal(check(&message), 0);
                }
                for (size_t j = 0; j < N(bad); j++) {
                        *user = bad[j];
                        assert_int_equal(check(&message), -EBADMSG);
                }
        }
}

TEST(there_are_two_reports) {
        ProtoMessage message = good_message(PROTO_RESOLVE_START);

        message.resolve_start.report = PROTO_REPORT_CONFIG;
        assert_int_equal(check(&message), 0);
        message.resolve_start.report = PROTO_REPORT_CONFIG + 1;
        assert_int_equal(check(&message), -EBADMSG);
}

TEST(size_of_a_disk_is_in_blocks_and_within_limits) {
        static const uint64_t good[] = { DISK_SIZE_MIN, DISK_SIZE_MAX };
        static const uint64_t bad[] = {
                0,
                DISK_SIZE_MIN - DISK_BLOCK_BYTES,
                DISK_SIZE_MIN + 1,
                DISK_SIZE_MAX + DISK_BLOCK_BYTES,
                UINT64_MAX,
        };
        ProtoMessage message = good_message(PROTO_DISK_START);

        for (size_t i = 0; i < N(good); i++) {
                message.disk_start.size = good[i];
                assert_int_equal(check(&message), 0);
        }
        for (size_t i = 0; i < N(bad); i++) {
                message.disk_start.size = bad[i];
                assert_int_equal(check(&message), -EBADMSG);
        }
}

TEST(disk_is_a_chain_or_one_image_for_all_layers) {
        static const struct {
                uint32_t n_images;
                uint8_t is_flat, is_raw, shares_layers;
                int result;
        } cases[] = {
                { 999, 0, 0, 1, 0 },      { 999, 0, 1, 0, -EBADMSG }, { 1, 0, 0, 0, -EBADMSG },
                { 1, 1, 0, 0, 0 },        { 1, 1, 1, 0, 0 },          { 1, 1, 0, 1, -EBADMSG },
                { 0, 1, 0, 0, -EBADMSG }, { 2, 1, 0, 0, -EBADMSG },   { 999, 1, 0, 0, -EBADMSG },
                { 1, 2, 0, 0, -EBADMSG }, { 1, 1, 2, 0, -EBADMSG },
        };

        for (size_t i = 0; i < N(cases); i++) {
                ProtoMessage message = good_message(PROTO_DISK_START);

                message.disk_start.n_images = cases[i].n_images;
                message.disk_start.is_flat = cases[i].is_flat;
                message.disk_start.is_raw = cases[i].is_raw;
                message.disk_start.shares_layers = cases[i].shares_layers;
                assert_int_equal(check(&message), cases[i].result);
        }
}

TEST(unknown_type_is_refused) {
        static const uint32_t types[] = { _PROTO_TYPE_MAX, 1000, 0x80000000, UINT32_MAX };

        for (size_t i = 0; i < N(types); i++) {
                ProtoMessage message = { .type = types[i] };
                Error error = ERROR_NULL;

                assert_int_equal(
                        proto_message_check(&message, sizeof(message), 0, &error), -EBADMSG);
                assert_int_equal(error.kind, ERROR_WORKER_FAILED);
                error_clear(&error);
        }
}

TEST(wrong_number_of_descriptors_is_refused) {
        for (ProtoType type = 0; type < _PROTO_TYPE_MAX; type++) {
                ProtoMessage message = good_message(type);
                size_t size = proto_message_size(type);

                for (size_t n = 0; n <= PROTO_FDS_MAX; n++)
                        assert_int_equal(
                                proto_message_check(&message, size, n, NULL),
                                n < descriptors[type].min || n > descriptors[type].max ? -EBADMSG
                                                                                       : 0);
        }
}

TEST(flag_that_is_no_flag_is_refused) {
        for (size_t i = 0; i < N(flags); i++) {
                ProtoMessage message = good_message(flags[i].type);
                uint8_t *flag = (uint8_t *) &message + flags[i].offset;

                *flag = 1;
                assert_int_equal(check(&message), 0);
                *flag = 2;
                assert_int_equal(check(&message), -EBADMSG);
        }
}

TEST(unknown_sandbox_mode_is_refused) {
        for (size_t i = 0; i < N(sandboxes); i++) {
                ProtoMessage message = good_message(sandboxes[i].type);
                uint8_t *mode = (uint8_t *) &message + sandboxes[i].offset;

                *mode = SANDBOX_BEST_EFFORT;
                assert_int_equal(check(&message), 0);
                *mode = _SANDBOX_MODE_MAX;
                assert_int_equal(check(&message), -EBADMSG);
        }
}

TEST(bad_digest_is_refused) {
        for (size_t i = 0; i < N(digests); i++) {
                ProtoMessage message = good_message(digests[i].type);
                Digest *digest = (void *) ((char *) &message + digests[i].offset);

                digest->bytes[31] = 1;
                assert_int_equal(check(&message), 0);
                digest->bytes[32] = 1;
                assert_int_equal(check(&message), -EBADMSG);
                digest->algorithm = DIGEST_SHA512;
                assert_int_equal(check(&message), 0);
                digest->algorithm = _DIGEST_ALGORITHM_MAX;
                assert_int_equal(check(&message), -EBADMSG);
        }
}

TEST(number_out_of_range_is_refused) {
        for (size_t i = 0; i < N(numbers); i++) {
                ProtoMessage message = good_message(numbers[i].field.type);
                uint32_t *number = (void *) ((char *) &message + numbers[i].field.offset);

                *number = numbers[i].last_good;
                assert_int_equal(check(&message), 0);
                *number = numbers[i].first_bad;
                assert_int_equal(check(&message), -EBADMSG);
                *number = UINT32_MAX;
                assert_int_equal(check(&message), -EBADMSG);
        }
}

TEST(rights_are_those_of_some_file) {
        ProtoMessage message = good_message(PROTO_UNPACK_RIGHTS);

        message.unpack_rights.n = UINT64_MAX;
        assert_int_equal(check(&message), 0);
        message.unpack_rights.n = 0;
        assert_int_equal(check(&message), -EBADMSG);
}

TEST(text_without_an_end_is_refused) {
        for (size_t i = 0; i < N(texts); i++) {
                ProtoMessage message = good_message(texts[i].type);
                char *text = (char *) &message + texts[i].offset;

                memset(text, 'x', texts[i].size - 1);
                assert_int_equal(check(&message), 0);
                text[texts[i].size - 1] = 'x';
                assert_int_equal(check(&message), -EBADMSG);
        }
}

TEST(bytes_behind_a_text_are_refused) {
        for (size_t i = 0; i < N(texts); i++) {
                ProtoMessage message = good_message(texts[i].type);
                char *text = (char *) &message + texts[i].offset;

                text[texts[i].size - 1] = 'x';
                assert_int_equal(check(&message), -EBADMSG);
        }
}

TEST(name_of_a_file_may_be_any_bytes_but_has_to_end) {
        ProtoMessage message = good_message(PROTO_TREE_START);

        strcpy(message.tree_start.name, "\xff\n\x1b");
        assert_int_equal(check(&message), 0);
        memset(message.tree_start.name, 'x', sizeof(message.tree_start.name));
        assert_int_equal(check(&message), -EBADMSG);
        message.tree_start.name[0] = '\0';
        memset(message.tree_start.target, 'x', sizeof(message.tree_start.target));
        assert_int_equal(check(&message), -EBADMSG);
}

/* Each in the place of the first character, with another behind it. */
static const char *const unprintable[] = {
        "\x01", /* control characters */
        "\n",
        "\x1b",
        "\x7f",
        "\xc2\x80", /* C1 */
        "\xc2\x9f",
        "\x80", /* no first byte */
        "\xbf",
        "\xc0\x80", /* longer than it needs to be */
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80", /* a surrogate */
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80", /* beyond the last character */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3", /* cut off */
        "\xe2\x82",
        "\xf0\x9f\x98",
};

static const char *const printable[] = {
        " ",
        "~",
        "\xc2\xa0",
        "\xc3\xa9",
        "\xe0\xa0\x80",
        "\xe2\x82\xac",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
};

TEST(text_that_is_not_printable_is_refused) {
        for (size_t i = 0; i < N(unprintable); i++) {
                ProtoMessage message = good_message(PROTO_WARNING);

                strcpy(message.warning.text, unprintable[i]);
                assert_int_equal(check(&message), -EBADMSG);
                strcat(message.warning.text, "x");
                assert_int_equal(check(&message), -EBADMSG);
        }
        for (size_t i = 0; i < N(printable); i++) {
                ProtoMessage message = good_message(PROTO_WARNING);

                strcpy(message.warning.text, printable[i]);
                assert_int_equal(check(&message), 0);
        }
}

TEST(what_is_not_printable_becomes_question_marks) {
        ProtoMessage message;

        for (size_t i = 0; i < N(unprintable); i++) {
                char *text = message.warning.text;

                message = good_message(PROTO_WARNING);
                assert_true(proto_text_set(text, sizeof(message.warning.text), unprintable[i]));
                assert_int_equal(strspn(text, "?"), strlen(unprintable[i]));
                assert_int_equal(strlen(text), strlen(unprintable[i]));
        }

        message = good_message(PROTO_WARNING);
        assert_true(proto_text_set(
                message.warning.text, sizeof(message.warning.text), "a\x1b[1m\xc3\xa9\n\xff."));
        assert_string_equal(message.warning.text, "a?[1m\xc3\xa9??.");
        assert_int_equal(check(&message), 0);
}

TEST(text_is_cut_at_a_character) {
        static const struct {
                const char *text, *field; /* of 8 bytes */
                bool fits;
        } cases[] = {
                { "", "", true },
                { "1234567", "1234567", true },
                { "12345678", "1234567", false },
                { "12345\xc3\xa9", "12345\xc3\xa9", true },
                { "123456\xc3\xa9", "123456", false },
                { "12345\xe2\x82\xac", "12345", false },
                { "1234\xe2\x82\xac", "1234\xe2\x82\xac", true },
                { "1234\xf0\x9f\x98\x80", "1234", false },
                { "123456\xff", "123456?", true },
                { "1234567\xff", "1234567", false },
        };

        for (size_t i = 0; i < N(cases); i++) {
                char field[9];

                memset(field, 'x', sizeof(field));
                assert_true(proto_text_set(field, 8, cases[i].text) == cases[i].fits);
                assert_string_equal(field, cases[i].field);
                for (size_t j = strlen(field); j < 8; j++)
                        assert_int_equal(field[j], '\0');
                assert_int_equal(field[8], 'x');
        }
}

TEST(result_says_what_the_error_says) {
        ProtoMessage message;
        Error error = ERROR_NULL;

        proto_result_set(&message, PROTO_OUTCOME_FAILED, NULL);
        assert_int_equal(message.type, PROTO_RESULT);
        assert_int_equal(message.result.code, 0);
        proto_result_set(&message, PROTO_OUTCOME_FAILED, &error);
        assert_int_equal(message.result.code, 0);
        assert_int_equal(message.result.outcome, PROTO_OUTCOME_DONE);

        error_set(&error, ENOSPC, ERROR_NO_SPACE, "%0*d\n", 3000, 0);
        proto_result_set(&message, PROTO_OUTCOME_INPUT_SHORT, &error);
        assert_int_equal(message.result.outcome, PROTO_OUTCOME_INPUT_SHORT);
        assert_int_equal(message.result.code, ENOSPC);
        assert_int_equal(message.result.kind, ERROR_NO_SPACE);
        assert_int_equal(strspn(message.result.text, "0"), sizeof(message.result.text) - 1);
        assert_int_equal(check(&message), 0);
        error_clear(&error);
}

/* Whether it went well is said once: by what is decided, and not by a number for people. */
TEST(outcome_and_code_that_contradict_each_other_are_refused) {
        ProtoMessage message = good_message(PROTO_RESULT);

        message.result.outcome = PROTO_OUTCOME_DONE;
        message.result.code = EAGAIN;
        assert_int_equal(check(&message), -EBADMSG);
        message.result.outcome = PROTO_OUTCOME_INPUT_SHORT;
        assert_int_equal(check(&message), 0);
        message.result.code = 0;
        assert_int_equal(check(&message), -EBADMSG);
}
