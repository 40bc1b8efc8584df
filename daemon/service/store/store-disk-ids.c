/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store-disk-ids.h"

#define ROOM_MIN ((size_t) 64)

void store_disk_ids_done(StoreDiskIds *ids) {
        free(ids->ids);
        *ids = (StoreDiskIds){ 0 };
}

int store_disk_ids_add(StoreDiskIds *ids, const char *id) {
        if (ids->n == ids->room) {
                const size_t room = ids->room > 0 ? 2 * ids->room : ROOM_MIN;
                char(*bigger)[STORE_DISK_ID_MAX];

                bigger = reallocarray(ids->ids, room, sizeof(*bigger));
                if (!bigger)
                        return -ENOMEM;
                ids->ids = bigger;
                ids->room = room;
        }

        strcpy(ids->ids[ids->n++], id);
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(a, b);
}

void store_disk_ids_sort(StoreDiskIds *ids) {
        if (ids->n > 0)
                qsort(ids->ids, ids->n, sizeof(*ids->ids), compare);
}

bool store_disk_ids_have(const StoreDiskIds *ids, const char *id) {
        return ids->n > 0 && bsearch(id, ids->ids, ids->n, sizeof(*ids->ids), compare);
}
