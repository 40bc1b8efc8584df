/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "qemu-vhost-message.h"

#define VERSION 1u
#define ANSWER  4u /* flag */

typedef struct Head {
        uint32_t kind;
        uint32_t flags;
        uint32_t size; /* of the payload, bytes */
} Head;

static void pass(struct msghdr *message, void *control, size_t size, int fd) {
        struct cmsghdr *header;

        message->msg_control = control;
        message->msg_controllen = size;
        header = CMSG_FIRSTHDR(message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(fd));
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

int qemu_vhost_send(int fd, QemuVhostKind kind, const void *payload, size_t size, int passed_fd) {
        union {
                struct cmsghdr header; /* for its alignment */
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { .bytes = { 0 } };
        Head head = { kind, VERSION, (uint32_t) size };
        struct iovec parts[] = { { &head, sizeof(head) }, { (void *) payload, size } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        ssize_t n;

        if (passed_fd >= 0)
                pass(&message, &control, sizeof(control), passed_fd);
        do
                n = sendmsg(fd, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        /* An empty socket has room for it. */
        return (size_t) n == sizeof(head) + size ? 0 : -EIO;
}

static int receive(int fd, void *ret, size_t size) {
        ssize_t n;

        do
                n = recv(fd, ret, size, MSG_WAITALL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t) n == size ? 0 : -EPIPE;
}

int qemu_vhost_receive(int fd, QemuVhostKind kind, void *ret, size_t size) {
        Head head;
        int r;

        r = receive(fd, &head, sizeof(head));
        if (r < 0)
                return r;
        if (head.kind != (uint32_t) kind || head.flags != (VERSION | ANSWER) || head.size != size)
                return -EBADMSG;
        return receive(fd, ret, size);
}
