/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A daemon that belongs to this program, for use if no bus offers one: virt-bootstrapd --embedded-fd=3,
 * with one end of a socket pair as descriptor 3, over which it speaks D-Bus peer to peer. It exits when
 * the other end is closed.
 *
 * The program is $VIRTBOOTSTRAP_DAEMON, for a build tree, or the installed one.
 */

#include <sys/types.h>

#include "base-error.h"

typedef struct ClientEmbedded {
        pid_t pid; /* 0 if none is running */
        int pidfd; /* owned */
} ClientEmbedded;

#define EMBEDDED_NULL ((ClientEmbedded){ .pidfd = -EBADF })

/**
 * client_embedded_start() - start the daemon
 * @log_level:  the lowest priority it logs to standard error: "debug", "warning", …
 * @ret_fd:     the client's end, owned by the caller
 *
 * The daemon has its own session: Ctrl-C reaches only the client, which cancels the job properly.
 */
int client_embedded_start(const char *log_level, ClientEmbedded *ret, int *ret_fd, Error *error);

/** client_embedded_stop() - wait for the daemon, whose connection is closed; kill it if it does not exit */
void client_embedded_stop(ClientEmbedded *embedded);

/** client_embedded_recover() - clean up after a killed daemon: virt-bootstrapd --recover */
int client_embedded_recover(Error *error);
