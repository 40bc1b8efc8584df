/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls that take a while, and are no jobs: Inspect and Cache.Verify. They are answered when they are
 * done, and given up when who called is gone.
 */

#include "bus-internal.h"

#define BUS_PENDING_MAX 64U

/**
 * bus_pending_inspect() - resolve an image, and answer with what it has
 * @spec:       taken over, also on failure
 *
 * Return: 0, or a negative errno with @error set.
 */
int bus_pending_inspect(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error);

/** bus_pending_verify() - hash every blob of the cache, and answer with the damaged ones */
int bus_pending_verify(BusServer *server, sd_bus_message *call, Error *error);

/** bus_pending_drop() - give up the calls that came in by @bus; all of them when it is NULL */
void bus_pending_drop(BusServer *server, sd_bus *bus);
