/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the programs of all steps share. Each is started by the daemon, with a socket to it as descriptor
 * PROTO_WORKER_FD, blocks and reads from top to bottom: takes its start message, does the work, and
 * returns what is to be reported.
 */

#include "proto-channel.h"

/**
 * StepRun - the work of a step
 * @failure:    PROTO_OUTCOME_FAILED; may be set to what says more of a failure
 *
 * Return: 0, or a negative errno with @error set.
 */
typedef int (*StepRun)(int socket_fd, ProtoOutcome *failure, Error *error);

/** step_main() - the whole main() of a step's program, @argc and @argv being its own */
int step_main(int argc, char **argv, StepRun run);

/** step_send() - send a message to the daemon; returns 0 or a negative errno with @error set */
int step_send(int socket_fd, const ProtoMessage *message, Error *error);

/**
 * step_tell_open() - have the daemon know of a sandbox without a wall around the file system
 * @entered:    what entering it returned
 *
 * Return: 0 or a negative errno with @error set, as entering it left it.
 */
int step_tell_open(int socket_fd, int entered, Error *error);

/**
 * step_receive() - wait for a message of the daemon
 * @type:       what has to come now
 * @ret_fds:    what came with it, owned by the caller; NULL when nothing may come
 *
 * Return: 0, or a negative errno with @error set, also when the daemon is gone.
 */
int step_receive(int socket_fd, ProtoType type, ProtoMessage *ret, ProtoFds *ret_fds, Error *error);
