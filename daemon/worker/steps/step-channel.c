/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "base-sandbox.h"
#include "step.h"

int step_send(int socket_fd, const ProtoMessage *message, Error *error) {
        int r;

        r = proto_send(socket_fd, message, NULL, 0);
        return r < 0 ? error_set_errno(error, -r, "Cannot report to the daemon") : 0;
}

int step_warn(int socket_fd, const char *text, Error *error) {
        ProtoMessage message = { .type = PROTO_WARNING };

        (void) proto_text_set(message.warning.text, sizeof(message.warning.text), text);
        return step_send(socket_fd, &message, error);
}

int step_tell_open(int socket_fd, int entered, Error *error) {
        return entered <= 0 ? entered : step_warn(socket_fd, SANDBOX_OPEN_WARNING, error);
}

int step_receive(
        int socket_fd, ProtoType type, ProtoMessage *ret, ProtoFds *ret_fds, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        int r;

        r = proto_receive(socket_fd, ret, &fds, error);
        if (r < 0)
                return r;
        if (r == 0)
                return error_set(error, EPIPE, ERROR_INTERRUPTED, "The daemon has exited");
        if (ret->type != type)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "Message of type %u from the daemon is out of place", ret->type);

        if (ret_fds) {
                *ret_fds = fds;
                fds = PROTO_FDS_NULL;
        }
        return 0;
}
