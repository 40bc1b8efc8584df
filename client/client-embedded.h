/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A daemon of one's own, where no bus has one: virt-bootstrapd --embedded-fd=3, with one end of a
 * socket pair as descriptor 3, on which it speaks D-Bus peer to peer. It ends when the other end is
 * closed.
 *
 * $VIRTBOOTSTRAP_DAEMON is the program, for a build tree; else the installed one.
 */

#include <sys/types.h>

#include "base-error.h"

typedef struct ClientEmbedded {
        pid_t pid; /* 0 when none runs */
        int pidfd; /* owned */
} ClientEmbedded;

#define EMBEDDED_NULL ((ClientEmbedded){ .pidfd = -EBADF })

/**
 * client_embedded_start() - start the daemon
 * @log_level:  what it logs to standard error: "debug", "warning", …
 * @ret_fd:     the client's end, owned by the caller
 *
 * The daemon has a session of its own: a Ctrl-C reaches the client alone, which cancels in order.
 */
int client_embedded_start(const char *log_level, ClientEmbedded *ret, int *ret_fd, Error *error);

/** client_embedded_stop() - wait for the daemon, whose connection is closed; kill it when it does not end */
void client_embedded_stop(ClientEmbedded *embedded);

/** client_embedded_recover() - clean up after a daemon that was killed: virt-bootstrapd --recover */
int client_embedded_recover(Error *error);
