/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The calls that carry options: Manager.Bootstrap and Manager.Inspect. */

#include <systemd/sd-bus.h>

#include "client-connect.h"
#include "client-secret.h"

/**
 * request_new_bootstrap() - make a call of Bootstrap
 * @source, @destination: as the daemon gets them
 *
 * Marked sensitive; secrets go along as descriptors, which the message duplicates.
 *
 * Return: 0, or a negative errno with @error set; *@ret is owned by the caller.
 */
int request_new_bootstrap(
        Connection *connection,
        const Options *options,
        const Secrets *secrets,
        const char *source,
        const char *destination,
        sd_bus_message **ret,
        Error *error);

/** request_new_inspect() - as request_new_bootstrap(), of Inspect, with the options that it has */
int request_new_inspect(
        Connection *connection,
        const Options *options,
        const Secrets *secrets,
        const char *source,
        sd_bus_message **ret,
        Error *error);
