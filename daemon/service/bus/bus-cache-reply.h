/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What several methods of the interface Cache answer with. Each returns a negative errno on failure. */

#include <systemd/sd-bus.h>

#include "store-catalog.h"
#include "store-removal.h"
#include "store-usage.h"

/** bus_cache_append_usage() - "a{st}": the bytes of each kind that there is */
int bus_cache_append_usage(sd_bus_message *reply, const StoreUsage *usage);

/** bus_cache_append_removals() - "a(sst)t": kind, name and bytes of each, and the sum */
int bus_cache_append_removals(sd_bus_message *reply, const StoreRemovals *removals);

/** bus_cache_append_names() - "as": the images that need the blob with this index */
int bus_cache_append_names(sd_bus_message *reply, const StoreCatalog *catalog, size_t index);
