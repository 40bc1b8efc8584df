/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages over the socket between daemon and worker. */

#include "base-cleanup.h"
#include "proto-message.h"

/* Names the step that waits for a debugger (virt-bootstrapd(8)); a service hides it from its workers. */
#define PROTO_DEBUG_VARIABLE "VIRTBOOTSTRAP_DEBUG"

typedef struct ProtoFds {
        int fds[PROTO_FDS_MAX]; /* owned; -EBADF if none */
} ProtoFds;

#define PROTO_FDS_NULL ((ProtoFds){ .fds = { -EBADF, -EBADF } })

/** proto_fds_close() - close the remaining ones; usable with _cleanup_() */
void proto_fds_close(ProtoFds *fds);

/**
 * proto_send() - send one message
 * @fds:        descriptors to send with it, borrowed; NULL if @n_fds is 0
 *
 * Return: 0; -EAGAIN if the socket is full and does not block.
 */
int proto_send(int socket_fd, const ProtoMessage *message, const int *fds, size_t n_fds);

/**
 * proto_receive() - receive one message and check it
 * @ret:        the message; undefined unless 1 is returned
 * @ret_fds:    descriptors that arrived with it, close-on-exec, owned by the caller
 *
 * Return: 1; 0 if the other side has closed; -EAGAIN, without @error set, if the socket does not block and has
 * none; -EBADMSG if it is not a message.
 */
int proto_receive(int socket_fd, ProtoMessage *ret, ProtoFds *ret_fds, Error *error);
