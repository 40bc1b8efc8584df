/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The calls that carry options: Manager.Bootstrap and Manager.Inspect. */

#include <systemd/sd-bus.h>

#include "client-connect.h"
#include "client-secret.h"
#include "client-source.h"

/**
 * request_read_source() - source_read(), when the connection can carry what it opens
 *
 * Return: 0, or a negative errno with @error set.
 */
int request_read_source(
        Connection *connection, const char *directory, const char *text, Source *ret, Error *error);

/**
 * request_new_bootstrap() - make a call of Bootstrap
 * @destination: as the daemon gets it
 *
 * Marked sensitive; secrets and files go along as descriptors, which the message duplicates.
 *
 * Return: 0, or a negative errno with @error set; *@ret is owned by the caller.
 */
int request_new_bootstrap(
        Connection *connection,
        const Options *options,
        const Secrets *secrets,
        const Source *source,
        const char *destination,
        sd_bus_message **ret,
        Error *error);

/** request_new_inspect() - as request_new_bootstrap(), of Inspect, with the options that it has */
int request_new_inspect(
        Connection *connection,
        const Options *options,
        const Secrets *secrets,
        const Source *source,
        sd_bus_message **ret,
        Error *error);
