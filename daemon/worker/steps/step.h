/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The steps that worker processes do. Each blocks and reads from top to bottom: takes its start message
 * from the daemon's socket, does the work, and returns what is to be reported.
 */

#include "proto-channel.h"

/** worker_fetch() - find an image, and write the blobs that the daemon asks for into its pipes */
int worker_fetch(int socket_fd, Error *error);

/** worker_resolve() - read an image's documents in the store, and say what it consists of */
int worker_resolve(int socket_fd, Error *error);

/**
 * worker_verify() - hash a blob, and append to it what comes from a pipe
 * @failure:    PROTO_OUTCOME_FAILED; becomes PROTO_OUTCOME_INPUT_SHORT when the pipe ended early
 */
int worker_verify(int socket_fd, ProtoOutcome *failure, Error *error);

/** worker_unpack() - unpack layers into a directory */
int worker_unpack(int socket_fd, Error *error);

/** worker_disk() - unpack layers into a chain of disk images */
int worker_disk(int socket_fd, Error *error);

/**
 * worker_builder() - have virt-builder make an image, and pass its content on as a tarball
 * @failure:    PROTO_OUTCOME_FAILED; becomes PROTO_OUTCOME_OUTPUT_CLOSED when nobody reads the tarball
 */
int worker_builder(int socket_fd, ProtoOutcome *failure, Error *error);

/** worker_tree() - empty or clone a tree */
int worker_tree(int socket_fd, Error *error);

/** worker_send() - send a message to the daemon; returns 0 or a negative errno with @error set */
int worker_send(int socket_fd, const ProtoMessage *message, Error *error);

/**
 * worker_tell_open() - have the daemon know of a sandbox without a wall around the file system
 * @entered:    what entering it returned
 *
 * Return: 0 or a negative errno with @error set, as entering it left it.
 */
int worker_tell_open(int socket_fd, int entered, Error *error);

/**
 * worker_receive() - wait for a message of the daemon
 * @type:       what has to come now
 * @ret_fds:    what came with it, owned by the caller; NULL when nothing may come
 *
 * Return: 0, or a negative errno with @error set, also when the daemon is gone.
 */
int worker_receive(
        int socket_fd, ProtoType type, ProtoMessage *ret, ProtoFds *ret_fds, Error *error);
