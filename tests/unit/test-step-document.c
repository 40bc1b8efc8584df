/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "hash.h"
#include "oci-document.h"
#include "step-document.h"

/* Without a network: the test is the daemon, whose answers are in the socket before they are wanted. */

typedef struct Fixture {
        Scratch scratch;
        StepChannel channel;
        int daemon_fd;
        StepDocument document;
        Error error;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        int pair[2];

        (void) signal(SIGPIPE, SIG_IGN);
        scratch_init(&f->scratch);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        f->channel.socket_fd = pair[0];
        f->daemon_fd = pair[1];
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        step_document_done(&f->document);
        error_clear(&f->error);
        close(f->channel.socket_fd);
        closep(&f->daemon_fd);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static Digest digest_of(const char *content) {
        Digest digest;

        assert_int_equal(hash_buffer(DIGEST_SHA256, content, strlen(content), &digest, NULL), 0);
        return digest;
}

static void answer(Fixture *f, ProtoBlobState blob_state, uint64_t offset, int fd) {
        const ProtoMessage message = {
                .type = PROTO_BLOB_ANSWER,
                .blob_answer = { .token = 1000, .state = blob_state, .offset = offset },
        };

        assert_int_equal(proto_send(f->daemon_fd, &message, &fd, fd >= 0 ? 1 : 0), 0);
}

static void answer_have(Fixture *f, const char *content) {
        int fd;

        scratch_write(&f->scratch, "blob", content);
        fd = open(scratch_at(&f->scratch, "blob"), O_RDONLY | O_CLOEXEC);
        answer(f, PROTO_BLOB_HAVE, 0, fd);
        close(fd);
}

/* Returns the end at which the blob comes out. */
static int answer_fill(Fixture *f, uint64_t offset) {
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        answer(f, PROTO_BLOB_FILL, offset, ends[1]);
        close(ends[1]);
        return ends[0];
}

static void check_pipe(int fd, const char *want) {
        char content[64];

        assert_int_equal(fd_read_full(fd, content, sizeof(content)), strlen(want));
        assert_memory_equal(content, want, strlen(want));
        close(fd);
}

static ProtoBlobWanted hear_request(Fixture *f) {
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;

        assert_int_equal(proto_receive(f->daemon_fd, &message, &fds, NULL), 1);
        assert_int_equal(message.type, PROTO_BLOB_WANTED);
        return message.blob_wanted;
}

static void check_document(const Fixture *f, const char *content) {
        Digest digest = digest_of(content);

        assert_int_equal(f->document.size, strlen(content));
        assert_string_equal(f->document.data, content);
        assert_true(digest_equal(&f->document.digest, &digest));
}

#define DOCUMENT_TEST(name) TEST_WITH(name, set_up, tear_down)

DOCUMENT_TEST(manifest_is_read_from_the_store) {
        Fixture *f = *state;
        Digest digest = digest_of("{}");
        ProtoBlobWanted wanted;

        answer_have(f, "{}");
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error), 0);
        check_document(f, "{}");
        assert_null(f->document.content_type);
        wanted = hear_request(f);
        assert_true(digest_equal(&wanted.digest, &digest));
        assert_int_equal(wanted.token, PROTO_LAYERS_MAX);
        assert_int_equal(wanted.want_content, 1);
        assert_int_equal(wanted.lookup_only, 1); /* there is no network to fetch it from */
}

DOCUMENT_TEST(what_the_store_has_wrong_is_refused) {
        Fixture *f = *state;
        Digest digest = digest_of("{}");

        answer_have(f, "[]");
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error),
                -EBADMSG);
        assert_int_equal(f->error.kind, ERROR_DIGEST_MISMATCH);
        assert_non_null(strstr(f->error.message, "The cache returned content for sha256:"));
        assert_null(f->document.data);
}

/* {"formatLength":6,"formatTail":"fQ"}: what is signed is {"a":1} */
#define SIGNED                                                                                     \
        "{\"a\":1,\"signatures\":[{\"protected\":\"eyJmb3JtYXRMZW5ndGgiOjYsImZvcm1hdFRhaWwiOiJmUSJ9\"}]}"

DOCUMENT_TEST(signed_document_is_the_one_that_its_signatures_are_for) {
        Fixture *f = *state;
        Digest whole = digest_of(SIGNED), covered = digest_of("{\"a\":1}"),
               other = digest_of("{\"a\":2}");

        answer_have(f, SIGNED);
        assert_int_equal(step_document_check_signed(&f->channel, &whole, &covered, &f->error), 0);
        answer_have(f, SIGNED);
        assert_int_equal(
                step_document_check_signed(&f->channel, &whole, &other, &f->error), -EBADMSG);
        assert_int_equal(f->error.kind, ERROR_DIGEST_MISMATCH);
}

DOCUMENT_TEST(config_is_asked_for_with_its_size) {
        Fixture *f = *state;
        const OciDescriptor descriptor = { .digest = digest_of("{}"), .size = 2 };
        ProtoBlobWanted wanted;

        f->channel.n_documents = 3;
        answer_have(f, "{}");
        assert_int_equal(
                step_document_get_config(&f->channel, &descriptor, &f->document, &f->error), 0);
        check_document(f, "{}");
        wanted = hear_request(f);
        assert_int_equal(wanted.size, 2);
        assert_int_equal(wanted.token, PROTO_LAYERS_MAX + 3);
        assert_int_equal(f->channel.n_documents, 4);
}

DOCUMENT_TEST(what_is_not_in_the_store_is_named_when_offline) {
        Fixture *f = *state;
        Digest digest = digest_of("{}");
        char text[DIGEST_STRING_MAX];

        answer(f, PROTO_BLOB_ABSENT, 0, -EBADF);
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error), -ENOENT);
        assert_int_equal(f->error.kind, ERROR_NOT_FOUND);
        assert_non_null(strstr(f->error.message, digest_format(&digest, text)));
        assert_null(f->document.data);
}

/* A source that says "content" for whatever it is asked for. */
static int get_content(SourceDocument *ret) {
        *ret = (SourceDocument){
                .data = strdup("content"),
                .size = strlen("content"),
                .content_type = strdup("application/vnd.oci.image.manifest.v1+json"),
        };
        return 0;
}

static int say_top(Source *source, SourceDocument *ret, Error *error) {
        return get_content(ret);
}

static int say_manifest(Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        return get_content(ret);
}

static int say_blob(Source *source, const SourceBlobRequest *request, Error *error) {
        return request->write(request->userdata, "content", strlen("content"), error);
}

static const SourceOps say_ops = {
        .get_top = say_top,
        .get_manifest = say_manifest,
        .get_blob = say_blob,
};
static Source say_content = { .ops = &say_ops };

DOCUMENT_TEST(first_document_of_a_source_is_kept_under_its_digest) {
        Fixture *f = *state;

        f->channel.source = &say_content;
        for (DigestAlgorithm i = 0; i < _DIGEST_ALGORITHM_MAX; i++) {
                ProtoBlobWanted wanted;
                Digest digest;
                int fd;

                assert_int_equal(hash_buffer(i, "content", strlen("content"), &digest, NULL), 0);
                fd = answer_fill(f, 0);
                answer_have(f, "content");
                step_document_done(&f->document);
                assert_int_equal(step_document_get_top(&f->channel, i, &f->document, &f->error), 0);
                check_pipe(fd, "content");
                wanted = hear_request(f);
                assert_true(digest_equal(&wanted.digest, &digest));
                assert_int_equal(wanted.lookup_only, 0);
        }
}

/* The daemon does not hand it out: who has a source asks that one. */
DOCUMENT_TEST(manifest_that_others_have_brought_is_asked_for) {
        Fixture *f = *state;
        Digest digest = digest_of("content");
        ProtoBlobWanted wanted;

        f->channel.source = &say_content;
        answer(f, PROTO_BLOB_HAVE, 0, -EBADF);
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error), 0);
        check_document(f, "content");
        wanted = hear_request(f);
        assert_int_equal(wanted.want_content, 1);
        assert_int_equal(wanted.lookup_only, 0);
}

DOCUMENT_TEST(config_is_brought_without_being_read) {
        Fixture *f = *state;
        const OciDescriptor descriptor = { .digest = digest_of("content"), .size = 7 };
        ProtoBlobWanted wanted;
        int fd;

        f->channel.source = &say_content;
        fd = answer_fill(f, 0);
        answer(f, PROTO_BLOB_HAVE, 0, -EBADF);
        assert_int_equal(step_document_bring_config(&f->channel, &descriptor, &f->error), 0);
        check_pipe(fd, "content");
        wanted = hear_request(f);
        assert_int_equal(wanted.size, 7);
        assert_int_equal(wanted.want_content, 0);

        f->channel.source = &(Source){ .ops = NULL }; /* it is not asked for what is there */
        answer(f, PROTO_BLOB_HAVE, 0, -EBADF);
        assert_int_equal(step_document_bring_config(&f->channel, &descriptor, &f->error), 0);
}

DOCUMENT_TEST(manifest_with_another_digest_is_refused) {
        Fixture *f = *state;
        Digest digest = digest_of("another");
        int fd;

        f->channel.source = &say_content;
        fd = answer_fill(f, 0);
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error),
                -EBADMSG);
        assert_int_equal(f->error.kind, ERROR_DIGEST_MISMATCH);
        close(fd);
        f->scratch.n_fds++; /* the daemon's pipe stays open until the worker ends */
}

DOCUMENT_TEST(config_that_is_longer_than_it_says_is_refused) {
        Fixture *f = *state;
        const OciDescriptor descriptor = { .digest = digest_of("content"), .size = 3 };
        int fd;

        f->channel.source = &say_content;
        fd = answer_fill(f, 0);
        assert_true(
                step_document_get_config(&f->channel, &descriptor, &f->document, &f->error) < 0);
        assert_int_equal(f->error.kind, ERROR_DIGEST_MISMATCH);
        close(fd);
        f->scratch.n_fds++; /* the daemon's pipe stays open until the worker ends */
}

static void put_document(Fixture *f, const char *content) {
        f->document.data = strdup(content);
        f->document.size = strlen(content);
}

DOCUMENT_TEST(document_is_written_into_the_pipe) {
        Fixture *f = *state;
        ProtoBlobWanted wanted;
        int fd;

        put_document(f, "content");
        fd = answer_fill(f, 0);
        answer(f, PROTO_BLOB_HAVE, 0, -EBADF);
        assert_int_equal(
                step_document_keep(&f->channel, DIGEST_SHA256, &f->document, &f->error), 0);
        check_pipe(fd, "content");
        check_document(f, "content");
        wanted = hear_request(f);
        assert_int_equal(wanted.size, 7);
        assert_int_equal(wanted.lookup_only, 0);
}

DOCUMENT_TEST(document_is_gone_on_with_where_the_daemon_wants) {
        Fixture *f = *state;
        int fds[4];

        put_document(f, "content");
        fds[0] = answer_fill(f, 4);
        fds[1] = answer_fill(f, 7);
        fds[2] = answer_fill(f, 8);
        fds[3] = answer_fill(f, UINT64_MAX);
        answer(f, PROTO_BLOB_HAVE, 0, -EBADF);
        assert_int_equal(
                step_document_keep(&f->channel, DIGEST_SHA256, &f->document, &f->error), 0);
        check_pipe(fds[0], "ent");
        for (int i = 1; i < 4; i++)
                check_pipe(fds[i], "");
}

DOCUMENT_TEST(reader_that_is_gone_is_the_daemons_to_tell_of) {
        Fixture *f = *state;

        put_document(f, "content");
        close(answer_fill(f, 0));
        answer(f, PROTO_BLOB_HAVE, 0, -EBADF);
        assert_int_equal(
                step_document_keep(&f->channel, DIGEST_SHA256, &f->document, &f->error), 0);
}

DOCUMENT_TEST(document_that_is_too_long_is_refused) {
        Fixture *f = *state;
        Digest digest = digest_of("");
        int fd;

        scratch_write(&f->scratch, "blob", "");
        fd = open(scratch_at(&f->scratch, "blob"), O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, (off_t) OCI_DOCUMENT_MAX + 1), 0);
        answer(f, PROTO_BLOB_HAVE, 0, fd);
        close(fd);
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error), -EFBIG);
}

DOCUMENT_TEST(answer_without_a_descriptor_is_an_error) {
        Fixture *f = *state;
        Digest digest = digest_of("{}");

        answer(f, PROTO_BLOB_HAVE, 0, -EBADF);
        assert_true(step_document_get_manifest(&f->channel, &digest, &f->document, &f->error) < 0);
        assert_int_not_equal(f->error.code, 0);
        assert_null(f->document.data);
}

DOCUMENT_TEST(daemon_that_is_gone_or_says_something_else_is_an_error) {
        Fixture *f = *state;
        Digest digest = digest_of("{}");

        assert_int_equal(
                proto_send(f->daemon_fd, &(ProtoMessage){ .type = PROTO_TOP }, NULL, 0), 0);
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error),
                -EBADMSG);
        assert_int_equal(f->error.kind, ERROR_WORKER_FAILED);
        error_clear(&f->error);

        (void) shutdown(f->daemon_fd, SHUT_WR);
        assert_int_equal(
                step_document_get_manifest(&f->channel, &digest, &f->document, &f->error), -EPIPE);
        assert_int_equal(f->error.kind, ERROR_INTERRUPTED);
        assert_null(f->document.data);
}
