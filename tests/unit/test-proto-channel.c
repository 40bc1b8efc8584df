/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <sys/socket.h>

#include "base-cleanup.h"
#include "proto-channel.h"

typedef struct Fixture {
        Scratch scratch;
        int pair[2];
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        *state = f;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->pair);
}

static int tear_down(void **state) {
        Fixture *f = *state;

        closep(&f->pair[0]);
        closep(&f->pair[1]);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void shut(Fixture *f, int end) {
        close(f->pair[end]);
        f->pair[end] = -EBADF;
}

/* With @n_fds copies of one descriptor. */
static void send_raw(int fd, const void *data, size_t size, size_t n_fds) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(16 * sizeof(int))];
        } control = { 0 };
        struct iovec iov = { .iov_base = (void *) data, .iov_len = size };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                control.header = (struct cmsghdr){
                        .cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                for (size_t i = 0; i < n_fds; i++)
                        memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &fd, sizeof(int));
                header.msg_control = &control;
                header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        }
        assert_int_equal(sendmsg(fd, &header, MSG_NOSIGNAL), size);
}

#define CHANNEL_TEST(name) TEST_WITH(name, set_up, tear_down)

CHANNEL_TEST(message_arrives_with_its_descriptors) {
        Fixture *f = *state;
        const ProtoMessage sent = {
                .type = PROTO_VERIFY_BLOB,
                .verify_blob = { .digest.bytes = { 1, 2, 3 }, .size = 42 },
        };
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage got;
        int pipe_fds[2];
        char c;

        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        assert_int_equal(proto_send(f->pair[0], &sent, pipe_fds, 2), 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 1);
        assert_memory_equal(&got, &sent, proto_message_size(PROTO_VERIFY_BLOB));

        assert_int_equal(fcntl(fds.fds[0], F_GETFD), FD_CLOEXEC);
        assert_int_equal(fcntl(fds.fds[1], F_GETFD), FD_CLOEXEC);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        assert_int_equal(write(fds.fds[1], "x", 1), 1);
        assert_int_equal(read(fds.fds[0], &c, 1), 1);
        proto_fds_close(&fds);
        assert_int_equal(fds.fds[0], -EBADF);
        assert_int_equal(fds.fds[1], -EBADF);
}

CHANNEL_TEST(message_without_descriptors_has_none) {
        Fixture *f = *state;
        const ProtoMessage sent = { .type = PROTO_VERIFY_READY, .verify_ready.offset = 7 };
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage got;

        assert_int_equal(proto_send(f->pair[0], &sent, NULL, 0), 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 1);
        assert_int_equal(got.verify_ready.offset, 7);
        assert_int_equal(fds.fds[0], -EBADF);
        assert_int_equal(fds.fds[1], -EBADF);
}

/* The fixture sees that none of the descriptors stays open. */
CHANNEL_TEST(surplus_descriptors_are_closed) {
        static const size_t numbers[] = { 1, 2, 3, 16 };
        Fixture *f = *state;
        const ProtoMessage sent = { .type = PROTO_VERIFY_READY };

        for (size_t i = 0; i < 4; i++) {
                ProtoFds fds = PROTO_FDS_NULL;
                Error error = ERROR_NULL;
                ProtoMessage got;

                send_raw(f->pair[0], &sent, proto_message_size(PROTO_VERIFY_READY), numbers[i]);
                assert_int_equal(proto_receive(f->pair[1], &got, &fds, &error), -EBADMSG);
                assert_int_equal(error.kind, ERROR_WORKER_FAILED);
                assert_int_equal(fds.fds[0], -EBADF);
                error_clear(&error);
        }
}

/* The kernel drops the third: what is left would do for this type. */
CHANNEL_TEST(message_that_lost_descriptors_is_refused) {
        Fixture *f = *state;
        const ProtoMessage sent = { .type = PROTO_VERIFY_BLOB };
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage got;

        send_raw(f->pair[0], &sent, proto_message_size(PROTO_VERIFY_BLOB), 3);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), -EBADMSG);
        send_raw(f->pair[0], &sent, proto_message_size(PROTO_VERIFY_BLOB), 2);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 1);
        proto_fds_close(&fds);
}

CHANNEL_TEST(too_long_and_malformed_messages_are_refused) {
        Fixture *f = *state;
        static const char big[sizeof(ProtoMessage) + 1];
        const ProtoMessage bad = { .type = PROTO_RESULT, .result.code = 5000 };
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage got;

        send_raw(f->pair[0], big, sizeof(big), 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), -EBADMSG);
        send_raw(f->pair[0], big, 1, 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), -EBADMSG);
        send_raw(f->pair[0], &bad, proto_message_size(PROTO_RESULT), 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), -EBADMSG);
}

/* It must not pass for the end: who sent it is still there. */
CHANNEL_TEST(empty_message_with_a_descriptor_is_refused) {
        Fixture *f = *state;
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage got;

        send_raw(f->pair[0], "", 0, 1);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), -EBADMSG);
}

CHANNEL_TEST(other_side_gone_is_the_end) {
        Fixture *f = *state;
        const ProtoMessage sent = { .type = PROTO_VERIFY_READY };
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage got;

        shut(f, 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 0);
        assert_int_equal(proto_send(f->pair[1], &sent, NULL, 0), -EPIPE);
}

CHANNEL_TEST(what_was_said_before_the_end_is_heard) {
        Fixture *f = *state;
        const ProtoMessage sent = { .type = PROTO_VERIFY_READY };
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage got;

        assert_int_equal(proto_send(f->pair[0], &sent, NULL, 0), 0);
        shut(f, 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 1);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 0);
}

/* The kernel tells of the reset before it hands out what is still in the queue. */
CHANNEL_TEST(what_was_said_is_heard_also_when_the_other_side_left_messages_unread) {
        Fixture *f = *state;
        const ProtoMessage grown = { .type = PROTO_UNPACK_GROWN };
        ProtoMessage result, got;
        ProtoFds fds = PROTO_FDS_NULL;

        proto_result_set(&result, PROTO_OUTCOME_FAILED, NULL);
        assert_int_equal(proto_send(f->pair[1], &grown, NULL, 0), 0);
        assert_int_equal(proto_send(f->pair[0], &result, NULL, 0), 0);
        shut(f, 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 1);
        assert_int_equal(got.type, PROTO_RESULT);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 0);
}

CHANNEL_TEST(socket_that_does_not_block_says_so) {
        Fixture *f = *state;
        const ProtoMessage sent = { .type = PROTO_DETAIL };
        ProtoFds fds = PROTO_FDS_NULL;
        Error error = ERROR_NULL;
        ProtoMessage got;
        unsigned n = 0;
        int r;

        for (int i = 0; i < 2; i++)
                assert_int_equal(fcntl(f->pair[i], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, &error), -EAGAIN);
        assert_int_equal(error.code, 0);

        while ((r = proto_send(f->pair[0], &sent, NULL, 0)) == 0)
                n++;
        assert_int_equal(r, -EAGAIN);
        for (; n > 0; n--)
                assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), 1);
        assert_int_equal(proto_receive(f->pair[1], &got, &fds, NULL), -EAGAIN);
        assert_int_equal(proto_send(f->pair[0], &sent, NULL, 0), 0);
}

CHANNEL_TEST(what_is_no_socket_is_an_error) {
        Fixture *f = *state;
        _cleanup_(closep) int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        ProtoFds fds = PROTO_FDS_NULL;
        Error error = ERROR_NULL;
        ProtoMessage got;

        (void) f;
        assert_int_equal(proto_receive(fd, &got, &fds, &error), -ENOTSOCK);
        assert_int_equal(error.code, ENOTSOCK);
        error_clear(&error);
}
