/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base-cleanup.h"
#include "proto-channel.h"

typedef union ControlBuffer {
        struct cmsghdr header; /* for alignment */
        uint8_t bytes[CMSG_SPACE(sizeof(int) * PROTO_FDS_MAX)];
} ControlBuffer;

void proto_fds_close(ProtoFds *fds) {
        for (size_t i = 0; i < PROTO_FDS_MAX; i++) {
                closep(&fds->fds[i]);
                fds->fds[i] = -EBADF;
        }
}

int proto_send(int socket_fd, const ProtoMessage *message, const int *fds, size_t n_fds) {
        struct iovec iov = {
                .iov_base = (void *) message,
                .iov_len = proto_message_size((ProtoType) message->type),
        };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
        ControlBuffer control = { 0 };

        assert(n_fds <= PROTO_FDS_MAX);

        if (n_fds > 0) {
                control.header = (struct cmsghdr){
                        .cmsg_len = CMSG_LEN(sizeof(int) * n_fds),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
                header.msg_control = &control;
                header.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        }

        for (;;) {
                if (sendmsg(socket_fd, &header, MSG_NOSIGNAL) >= 0)
                        return 0;
                if (errno != EINTR)
                        return -errno;
        }
}

static size_t take_fds(struct msghdr *header, ProtoFds *ret) {
        size_t n = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
                size_t count;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;

                /* The buffer has space for PROTO_FDS_MAX: the kernel closes any more. */
                count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < count && n < PROTO_FDS_MAX; i++)
                        memcpy(&ret->fds[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        }

        return n;
}

int proto_receive(int socket_fd, ProtoMessage *ret, ProtoFds *ret_fds, Error *error) {
        struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
        ControlBuffer control;
        struct msghdr header = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        ssize_t size;
        size_t n_fds;
        int r;

        /* The kernel first reports a reset once, if the other side left something unread, and then
         * delivers that side's messages. */
        do
                size = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC);
        while (size < 0 && (errno == EINTR || errno == ECONNRESET));
        if (size < 0 && errno == EAGAIN)
                return -EAGAIN;
        if (size < 0)
                return error_set_errno(error, errno, "Cannot receive a message");

        n_fds = take_fds(&header, &fds);
        if (size == 0 && n_fds == 0)
                return 0;
        if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return error_set(error, EBADMSG, ERROR_WORKER_FAILED, "Message is too long");

        r = proto_message_check(ret, (size_t) size, n_fds, error);
        if (r < 0)
                return r;

        *ret_fds = fds;
        fds = PROTO_FDS_NULL;
        return 1;
}
