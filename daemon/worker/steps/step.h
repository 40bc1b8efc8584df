/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The steps that worker processes do. Each blocks and reads from top to bottom: takes its start message
 * from the daemon's socket, does the work, and returns what is to be reported.
 */

#include "proto-channel.h"

/** step_fetch() - find an image, and write the blobs that the daemon asks for into its pipes */
int step_fetch(int socket_fd, Error *error);

/** step_resolve() - read an image's documents in the store, and say what it consists of */
int step_resolve(int socket_fd, Error *error);

/**
 * step_verify() - hash a blob, and append to it what comes from a pipe
 * @failure:    PROTO_OUTCOME_FAILED; becomes PROTO_OUTCOME_INPUT_SHORT when the pipe ended early
 */
int step_verify(int socket_fd, ProtoOutcome *failure, Error *error);

/** step_unpack() - unpack layers into a directory */
int step_unpack(int socket_fd, Error *error);

/** step_disk() - unpack layers into a chain of disk images */
int step_disk(int socket_fd, Error *error);

/**
 * step_builder() - have virt-builder make an image, and pass its content on as a tarball
 * @failure:    PROTO_OUTCOME_FAILED; becomes PROTO_OUTCOME_OUTPUT_CLOSED when nobody reads the tarball
 */
int step_builder(int socket_fd, ProtoOutcome *failure, Error *error);

/** step_tree() - empty or clone a tree */
int step_tree(int socket_fd, Error *error);

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
