/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The connection to the daemon: over a message bus, to its own socket, or to an embedded daemon. */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "base-cleanup.h"
#include "client-options.h"

typedef struct ClientConnection ClientConnection;

/**
 * client_connection_open() - connect as @options say; *@ret is owned by the caller
 *
 * By default: for root the system bus, then BUS_PRIVATE_SOCKET; for others the session bus. If the
 * daemon is not available there, an embedded one.
 */
int client_connection_open(const ClientOptions *options, ClientConnection **ret, Error *error);

/** client_connection_close() - disconnect, and wait for an embedded daemon to exit */
ClientConnection *client_connection_close(ClientConnection *connection);

/** client_connection_bus() - the connection to send messages over; borrowed */
sd_bus *client_connection_bus(const ClientConnection *connection);

/** client_connection_peer_name() - destination of calls and sender of signals; NULL without a message bus */
const char *client_connection_peer_name(const ClientConnection *connection);

/** client_connection_is_embedded() - whether the daemon exits with this program */
bool client_connection_is_embedded(const ClientConnection *connection);

/** client_connection_is_remote() - whether the daemon is on another host */
bool client_connection_is_remote(const ClientConnection *connection);

/** client_connection_carries_descriptors() - whether file descriptors can be passed */
bool client_connection_carries_descriptors(const ClientConnection *connection);

/** client_connection_find_user() - the user that the daemon runs as; a negative errno if it cannot be determined */
int client_connection_find_user(const ClientConnection *connection, uid_t *ret);

/**
 * client_connection_recover() - after the daemon has died, let its successor clean up
 *
 * A message bus starts the successor when it is called. Afterwards @connection can only be closed.
 */
int client_connection_recover(ClientConnection *connection, Error *error);

DEFINE_CLEANUP(ClientConnection, client_connection_close);
