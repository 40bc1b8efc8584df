/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A set of ids of shared disk images. */

#include <stdbool.h>
#include <stddef.h>

#include "store-disk.h"

/* Zero it; store_disk_ids_done(). It may contain an id several times. */
typedef struct StoreDiskIds {
        char (*ids)[STORE_DISK_ID_MAX]; /* owned */
        size_t n, room;
} StoreDiskIds;

/** store_disk_ids_done() - release what @ids owns, and make it empty; usable with _cleanup_() */
void store_disk_ids_done(StoreDiskIds *ids);

/** store_disk_ids_add() - 0 or -ENOMEM */
int store_disk_ids_add(StoreDiskIds *ids, const char *id);

/** store_disk_ids_sort() - call after the last store_disk_ids_add(), before store_disk_ids_have() */
void store_disk_ids_sort(StoreDiskIds *ids);

/** store_disk_ids_have() - whether @id is one of them */
bool store_disk_ids_have(const StoreDiskIds *ids, const char *id);
