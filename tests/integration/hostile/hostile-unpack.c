/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An unpack or disk worker that was taken over, and lies about its progress. HOSTILE says how:
 *
 *     boast       it has done more than anybody can
 *     waver       the same, and nothing, in turn
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto-message.h"

static bool is_progress(const struct msghdr *header) {
        return header->msg_iovlen == 1 &&
               header->msg_iov->iov_len == proto_message_size(PROTO_UNPACK_PROGRESS) &&
               ((const ProtoMessage *) header->msg_iov->iov_base)->type == PROTO_UNPACK_PROGRESS;
}

static void lie(ProtoUnpackProgress *progress) {
        static bool is_modest;

        is_modest = strcmp(getenv("HOSTILE"), "waver") == 0 && !is_modest;
        *progress = is_modest ? (ProtoUnpackProgress){ 0 }
                              : (ProtoUnpackProgress){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
}

__attribute__((__visibility__("default"))) ssize_t sendmsg(
        int fd, const struct msghdr *header, int flags) {
        if (is_progress(header))
                lie(&((ProtoMessage *) header->msg_iov->iov_base)->unpack_progress);
        return syscall(SYS_sendmsg, fd, header, flags);
}
