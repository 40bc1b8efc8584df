/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way to the daemon: a message bus, a socket on which it is alone, or a daemon of one's own. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base-cleanup.h"
#include "client-options.h"

typedef struct ClientConnection ClientConnection;

/**
 * client_connection_open() - connect as @options say
 *
 * By default: the system bus for root and then BUS_PRIVATE_SOCKET, the session bus for others; where
 * the daemon is not to be had there, an embedded one.
 *
 * Return: 0, or a negative errno with @error set; *@ret is owned by the caller.
 */
int client_connection_open(const ClientOptions *options, ClientConnection **ret, Error *error);

/** client_connection_close() - disconnect @connection (may be NULL) and wait for an embedded daemon */
ClientConnection *client_connection_close(ClientConnection *connection);

/** client_connection_bus() - what to send messages with; borrowed */
sd_bus *client_connection_bus(const ClientConnection *connection);

/** client_connection_peer_name() - destination of calls and sender of signals; NULL without a message bus */
const char *client_connection_peer_name(const ClientConnection *connection);

/** client_connection_is_embedded() - whether the daemon ends with this program */
bool client_connection_is_embedded(const ClientConnection *connection);

/** client_connection_carries_descriptors() - whether files can be handed over */
bool client_connection_carries_descriptors(const ClientConnection *connection);

/**
 * client_connection_recover() - after the daemon has died: let its successor clean up
 *
 * A message bus starts one when it is called. The connection itself can only be closed after this.
 */
int client_connection_recover(ClientConnection *connection, Error *error);

DEFINE_CLEANUP(ClientConnection, client_connection_close);
