/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much of its disk the cache takes: what "du -s --block-size=1" says of its directory. That is the allocated
 * blocks of everything in it, holes excluded; a file with several names in it counts once.
 *
 * The directories in which builders work do not count: they are gone after the build, and what is in them belongs to
 * others, who could keep the caller busy.
 */

#include <stdint.h>
#include <sys/stat.h>

#include "base-error.h"
#include "store.h"

typedef enum StoreUsageKind {
        STORE_USAGE_BLOBS,     /* complete ones, and the records about them */
        STORE_USAGE_PARTIAL,   /* incomplete ones */
        STORE_USAGE_DISKS,     /* shared disk images */
        STORE_USAGE_TEMPLATES, /* of virt-builder */
        STORE_USAGE_VERSION_1, /* what virt-bootstrap 1 has left */
        STORE_USAGE_OTHER,     /* lists, journal, and all directories */
        _STORE_USAGE_MAX,
} StoreUsageKind;

typedef struct StoreUsage {
        uint64_t bytes[_STORE_USAGE_MAX];
} StoreUsage;

#define STORE_USAGE_DEPTH_MAX 32u /* directories below each other */

/** store_usage_read() - look at each file of the cache */
int store_usage_read(const Store *store, StoreUsage *ret, Error *error);

/** store_usage_total() - bytes of all kinds */
uint64_t store_usage_total(const StoreUsage *usage);

/** store_usage_kind_to_string() - "blobs", "partial", "disks", "templates", "version-1" or "other" */
const char *store_usage_kind_to_string(StoreUsageKind kind);

/** store_usage_of() - the bytes that a file takes, as @st has them */
uint64_t store_usage_of(const struct stat *st);
