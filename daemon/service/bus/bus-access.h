/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Access control: root and the user that the daemon runs as may do everything. */

#include "bus-internal.h"

/**
 * bus_access_caller() - determine the caller
 * @ret:        effective uid
 *
 * For a peer, the kernel's credentials of its socket.
 */
int bus_access_caller(BusServer *server, sd_bus_message *call, uid_t *ret, Error *error);

/** bus_access_permits() - whether @uid may use the daemon, and hear from it */
bool bus_access_permits(uid_t uid);

/**
 * bus_access_check() - whether the caller may use the daemon
 * @ret:        as bus_access_caller(); may be NULL
 *
 * Return: 0; -EACCES (ERROR_ACCESS_DENIED).
 */
int bus_access_check(BusServer *server, sd_bus_message *call, uid_t *ret, Error *error);

/**
 * bus_access_track() - call @on_gone when the sender of @call leaves the bus
 * @ret:        owned by the caller; NULL for a peer, which leaves with its connection
 */
int bus_access_track(
        sd_bus_message *call,
        sd_bus_track_handler_t on_gone,
        void *userdata,
        sd_bus_track **ret,
        Error *error);
