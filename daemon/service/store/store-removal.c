/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store-removal.h"

#define ROOM_MIN ((size_t) 16)

void store_removals_done(StoreRemovals *removals) {
        for (size_t i = 0; i < removals->n; i++)
                free(removals->all[i].name);
        free(removals->all);
        *removals = (StoreRemovals){ 0 };
}

int store_removals_add(
        StoreRemovals *removals, StoreRemovalKind kind, const char *name, uint64_t disk_bytes) {
        StoreRemoval *one;

        if (removals->n == removals->room) {
                const size_t room = removals->room > 0 ? 2 * removals->room : ROOM_MIN;
                StoreRemoval *bigger = reallocarray(removals->all, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                removals->all = bigger;
                removals->room = room;
        }

        one = &removals->all[removals->n];
        *one = (StoreRemoval){ .kind = kind, .name = strdup(name), .disk_bytes = disk_bytes };
        if (!one->name)
                return -ENOMEM;

        removals->n++;
        removals->disk_bytes += disk_bytes;
        return 0;
}

const char *store_removal_kind_to_string(StoreRemovalKind kind) {
        switch (kind) {
        case STORE_REMOVAL_IMAGE:
                return "image";
        case STORE_REMOVAL_BLOB:
                return "blob";
        case STORE_REMOVAL_DISK:
                return "disk";
        }

        abort();
}
