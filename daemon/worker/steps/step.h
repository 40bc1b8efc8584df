/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the programs of all steps. The daemon starts each with a socket to itself as descriptor
 * PROTO_WORKER_FD. The program blocks and runs from top to bottom: it receives its start message, does
 * the work, and returns the result to report.
 */

#include "proto-channel.h"

/**
 * StepRun - the work of a step
 * @failure:    PROTO_OUTCOME_FAILED; may be set to a more specific outcome
 */
typedef int (*StepRun)(int socket_fd, ProtoOutcome *failure, Error *error);

/** step_main() - the whole main() of a step's program, @argc and @argv being its own */
int step_main(int argc, char **argv, StepRun run);

/** step_send() - send a message to the daemon */
int step_send(int socket_fd, const ProtoMessage *message, Error *error);

/** step_warn() - send a warning to the daemon; what does not fit is cut off */
int step_warn(int socket_fd, const char *text, Error *error);

/**
 * step_tell_open() - report a sandbox without a wall around the file system to the daemon
 * @entered:    the return value of entering the sandbox; 0 and errors are returned as they are
 */
int step_tell_open(int socket_fd, int entered, Error *error);

/**
 * step_receive() - wait for a message from the daemon; fails if the daemon has exited
 * @type:       the expected type
 * @ret_fds:    its descriptors, owned by the caller; NULL if none are allowed
 */
int step_receive(int socket_fd, ProtoType type, ProtoMessage *ret, ProtoFds *ret_fds, Error *error);
