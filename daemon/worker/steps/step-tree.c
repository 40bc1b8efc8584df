/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>

#include "sandbox-owners.h"
#include "sandbox.h"
#include "step.h"
#include "tree-clone.h"
#include "tree-remove.h"

/* A user's tree may contain files of the user's subordinate ids. If it does not, the namespace is not
 * needed. */
static void enter_namespace(int *dir_fd) {
        _cleanup_(error_clear) Error ignored = ERROR_NULL;

        (void) sandbox_owners_enter_namespace(dir_fd, &ignored);
}

/* Renaming a directory writes to it: if the user does not own it, that needs the namespace. */
static int move(const ProtoTreeStart *start, int *dir_fd, unsigned flags, Error *error) {
        int r;

        r = sandbox_owners_enter_namespace(dir_fd, error);
        if (r < 0)
                return r;
        if (renameat2(*dir_fd, start->target, *dir_fd, start->name, flags) >= 0)
                return 0;
        if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
                return error_set(
                        error, ENOTEMPTY, ERROR_DESTINATION_NOT_EMPTY,
                        "The destination was filled in the meantime");
        return error_set_errno(error, errno, "Cannot rename the new tree to %s", start->name);
}

static int enter_sandbox(const ProtoTreeStart *start, int *dir_fd, Error *error) {
        bool privileged;

        enter_namespace(dir_fd);
        if (start->sandbox == SANDBOX_NO)
                return 0;
        return sandbox_enter_tree((SandboxMode) start->sandbox, dir_fd, &privileged, error);
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_TREE_START, &message, &fds, error);
        if (r < 0)
                return r;

        /* These operations read nothing. */
        if (message.tree_start.operation == PROTO_TREE_MOVE)
                return move(&message.tree_start, &fds.fds[0], 0, error);
        if (message.tree_start.operation == PROTO_TREE_EXCHANGE)
                return move(&message.tree_start, &fds.fds[0], RENAME_EXCHANGE, error);

        r = enter_sandbox(&message.tree_start, &fds.fds[0], error);
        if (r < 0)
                return r;

        switch ((ProtoTreeOperation) message.tree_start.operation) {
        case PROTO_TREE_EMPTY:
                return tree_empty(fds.fds[0], message.tree_start.name, error);
        case PROTO_TREE_CLONE:
                return tree_clone(
                        fds.fds[0], message.tree_start.name, message.tree_start.target, error);
        case PROTO_TREE_CHECK:
                return tree_clone_check(
                        fds.fds[0], message.tree_start.name, message.tree_start.cloned_nsec,
                        message.tree_start.modified_nsec, error);
        case PROTO_TREE_MOVE:
        case PROTO_TREE_EXCHANGE:
        case _PROTO_TREE_OPERATION_MAX:
                break;
        }

        return error_set(error, EBADMSG, ERROR_WORKER_FAILED, "Unknown operation on a tree");
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
