/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls that take a while: Bootstrap until the job is accepted, Inspect, ListTags, ExplainTrust, and Cache.Verify,
 * Cache.ListDisks and Cache.Prune. They are answered when they are done, and abandoned if the caller disconnects; others are served
 * meanwhile. Those that wait for a registry or a worker fail with ERROR_LIMIT_EXCEEDED when they take too long.
 */

#include "base-macro.h"
#include "bus-internal.h"
#include "store-prune.h"

#define BUS_PENDING_MAX  64U
#define BUS_PENDING_USEC (UINT64_C(600) * USEC_PER_SEC) /* or JobTimeoutSec=, if that is shorter */

/**
 * bus_pending_inspect() - resolve an image, and answer with its contents, or whether it is trusted
 * @spec:       taken over, also on failure
 */
int bus_pending_inspect(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error);

/** bus_pending_list_tags() - list the tags of a registry's repository, and answer with them; @spec as above */
int bus_pending_list_tags(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error);

/**
 * bus_pending_bootstrap() - examine the source and the destination, queue a job, and answer with its id
 * @spec:       taken over, also on failure
 */
int bus_pending_bootstrap(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error);

/** bus_pending_prune() - prune the cache, and answer with what was removed and what is left */
int bus_pending_prune(
        BusServer *server, sd_bus_message *call, const StorePruning *pruning, Error *error);

/** bus_pending_list_disks() - answer with the shared disk images and the chains that need them */
int bus_pending_list_disks(BusServer *server, sd_bus_message *call, Error *error);

/**
 * bus_pending_verify() - hash every blob in the cache, and answer with the damaged ones
 *
 * Meanwhile, the caller gets signals with the progress. Looking at a blob is no use of it.
 */
int bus_pending_verify(BusServer *server, sd_bus_message *call, Error *error);

/** bus_pending_drop() - abandon the calls received on @bus, or all of them if it is NULL */
void bus_pending_drop(BusServer *server, sd_bus *bus);
