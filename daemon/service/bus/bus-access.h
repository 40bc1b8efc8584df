/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who calls, and may do what: root everything, and so the user whom the daemon runs as. */

#include "bus-internal.h"

/**
 * bus_access_caller() - who calls
 * @ret:        effective uid
 *
 * Of a peer what the kernel says about its socket. Return: 0, or a negative errno with @error set.
 */
int bus_access_caller(BusServer *server, sd_bus_message *call, uid_t *ret, Error *error);

/**
 * bus_access_check() - whether the caller may use the daemon
 * @ret:        as bus_access_caller(); may be NULL
 *
 * Return: 0; -EACCES (ERROR_ACCESS_DENIED), or another negative errno, with @error set.
 */
int bus_access_check(BusServer *server, sd_bus_message *call, uid_t *ret, Error *error);

/**
 * bus_access_track() - have @on_gone called when who made @call leaves the bus
 * @ret:        owned by the caller; NULL for a peer, whose end is its connection's
 */
int bus_access_track(
        sd_bus_message *call,
        sd_bus_track_handler_t on_gone,
        void *userdata,
        sd_bus_track **ret,
        Error *error);
