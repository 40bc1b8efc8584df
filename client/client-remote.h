/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The system bus of another host: ssh -xT [-p PORT] -- [USER@]HOST systemd-stdio-bridge [--machine=CONTAINER], which
 * speaks D-Bus on its standard input and output, but cannot pass file descriptors.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base-error.h"

#define REMOTE_PART_MAX ((size_t) 256) /* bytes of each part, with the NUL */

typedef struct ClientRemoteHost {
        char host[REMOTE_PART_MAX];      /* [USER@]HOST */
        char port[REMOTE_PART_MAX];      /* or empty */
        char container[REMOTE_PART_MAX]; /* or empty */
} ClientRemoteHost;

/**
 * client_remote_parse() - read [USER@]HOST[:PORT][/CONTAINER]
 *
 * The names must not look like options, nor contain what a shell would interpret. An IPv6 address is in brackets.
 * Fails only with -EINVAL.
 */
int client_remote_parse(const char *text, ClientRemoteHost *ret, Error *error);

/**
 * client_remote_start() - start ssh
 * @ret_fd:     the bus of that host, owned by the caller
 *
 * Signals to the process group end only this program, which cancels the job over the connection; ssh ends with this
 * program.
 */
int client_remote_start(const ClientRemoteHost *host, pid_t *ret, int *ret_fd, Error *error);

/** client_remote_stop() - end ssh, whose descriptor has been closed; does nothing if @pid is 0 */
void client_remote_stop(pid_t pid);
