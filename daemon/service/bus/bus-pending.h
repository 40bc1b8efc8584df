/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls that take a while: Bootstrap until the job is accepted, Inspect, and Cache.Verify and Cache.Prune. They
 * are answered when they are done, and given up when who called is gone; others are served meanwhile.
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

/**
 * bus_pending_bootstrap() - look at the source and the destination, queue a job, and answer with its id
 * @spec:       taken over, also on failure
 *
 * Return: 0, or a negative errno with @error set.
 */
int bus_pending_bootstrap(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error);

/** bus_pending_prune() - remove from the cache until @keep bytes are left, and answer with what was freed */
int bus_pending_prune(BusServer *server, sd_bus_message *call, uint64_t keep, Error *error);

/** bus_pending_verify() - hash every blob of the cache, and answer with the damaged ones */
int bus_pending_verify(BusServer *server, sd_bus_message *call, Error *error);

/** bus_pending_drop() - give up the calls that came in by @bus; all of them when it is NULL */
void bus_pending_drop(BusServer *server, sd_bus *bus);
