/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The calls that carry options: Manager.Bootstrap and Manager.Inspect. */

#include <systemd/sd-bus.h>

#include "client-connect.h"
#include "client-secret.h"
#include "client-source.h"

/**
 * client_request_read_source() - client_source_read(), when the connection can carry what it opens
 *
 * Return: 0, or a negative errno with @error set.
 */
int client_request_read_source(
        ClientConnection *connection,
        const char *directory,
        const char *text,
        ClientSource *ret,
        Error *error);

/**
 * client_request_new_bootstrap() - make a call of Bootstrap
 * @destination: as the daemon gets it
 *
 * Marked sensitive; secrets and files go along as descriptors, which the message duplicates.
 *
 * Return: 0, or a negative errno with @error set; *@ret is owned by the caller.
 */
int client_request_new_bootstrap(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        const char *destination,
        sd_bus_message **ret,
        Error *error);

/** client_request_new_inspect() - as client_request_new_bootstrap(), of Inspect, with the options that it has */
int client_request_new_inspect(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        sd_bus_message **ret,
        Error *error);
