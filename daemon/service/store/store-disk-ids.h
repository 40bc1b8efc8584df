/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ids of shared disk images, to look for one among many. */

#include <stdbool.h>
#include <stddef.h>

#include "store-disk.h"

/* Zero it; disk_ids_done(). An id may be there several times. */
typedef struct DiskIds {
        char (*ids)[STORE_DISK_ID_MAX]; /* owned */
        size_t n, room;
} DiskIds;

/** disk_ids_done() - release what @ids owns, and make it empty; usable with _cleanup_() */
void disk_ids_done(DiskIds *ids);

/** disk_ids_add() - 0 or -ENOMEM */
int disk_ids_add(DiskIds *ids, const char *id);

/** disk_ids_sort() - to be called after the last disk_ids_add(), before disk_ids_have() */
void disk_ids_sort(DiskIds *ids);

/** disk_ids_have() - whether @id is one of them */
bool disk_ids_have(const DiskIds *ids, const char *id);
