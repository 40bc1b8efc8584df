/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bus-cache-reply.h"

int bus_cache_append_usage(sd_bus_message *reply, const StoreUsage *usage) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{st}");
        for (StoreUsageKind kind = 0; r >= 0 && kind < _STORE_USAGE_MAX; kind++)
                if (usage->bytes[kind] > 0)
                        r = sd_bus_message_append(
                                reply, "{st}", store_usage_kind_to_string(kind),
                                usage->bytes[kind]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_cache_append_removals(sd_bus_message *reply, const StoreRemovals *removals) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sst)");
        for (size_t i = 0; r >= 0 && i < removals->n; i++) {
                const StoreRemoval *one = &removals->all[i];

                r = sd_bus_message_append(
                        reply, "(sst)", store_removal_kind_to_string(one->kind), one->name,
                        one->disk_bytes);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_append(reply, "t", removals->disk_bytes);
}

int bus_cache_append_names(sd_bus_message *reply, const StoreCatalog *catalog, size_t index) {
        const uint32_t *users;
        size_t n;
        int r;

        users = store_catalog_users(catalog, index, &n);
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append_basic(
                        reply, 's', catalog->images[users[i]].image.reference);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
