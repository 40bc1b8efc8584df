/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "worker-clone.h"
#include "worker-remove.h"
#include "worker-sandbox.h"
#include "worker.h"

int worker_tree(int socket_fd, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        bool privileged;
        int r;

        r = worker_receive(socket_fd, PROTO_TREE_START, &message, &fds, error);
        if (r >= 0 && message.tree_start.sandbox != SANDBOX_NO)
                r = sandbox_enter_tree(
                        (SandboxMode) message.tree_start.sandbox, &fds.fds[0], &privileged, error);
        if (r < 0)
                return r;

        switch ((ProtoTreeOperation) message.tree_start.operation) {
        case PROTO_TREE_EMPTY:
                return worker_empty_tree(fds.fds[0], error);
        case PROTO_TREE_CLONE:
                return worker_clone_tree(
                        fds.fds[0], message.tree_start.name, message.tree_start.target, error);
        case _PROTO_TREE_OPERATION_MAX:
                break;
        }

        return error_set(error, EBADMSG, ERROR_WORKER_FAILED, "Unknown operation on a tree");
}
