/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A large blob in several ranges at a time, from a registry that is slow for each connection.
 *
 * The first range comes alone: it shows whether the registry sends ranges, and how fast. If that is slow, the next ones
 * come side by side, each over a connection of its own, and are handed on in order; they wait in memory until then.
 * Otherwise the rest of the blob comes as a whole.
 */

#include "registry-blob.h"

#define REGISTRY_RANGES_MAX   4U                  /* at a time; each has a buffer */
#define REGISTRY_RANGES_BYTES (UINT64_C(8) << 20) /* of one of them */
#define REGISTRY_RANGES_SLOW_BYTES                                                                 \
        (UINT64_C(16) << 20) /* a second; whoever is faster sends the rest as a whole */

/** registry_ranges_may_help() - whether the blob is large enough, and comes from the registry */
bool registry_ranges_may_help(const RegistryBlobRequest *request);

/**
 * registry_ranges_get() - as registry_blob_get()
 * @settings:   for more connections; their loop is not used
 */
int registry_ranges_get(
        RegistryEndpoint *endpoint,
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryHttpSettings *settings,
        const RegistryBlobRequest *request,
        Error *error);
