/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a job may cost at most. Going past one ends with ERROR_LIMIT_EXCEEDED, which names it. */

#include <stddef.h>
#include <stdint.h>

typedef struct UnpackLimits {
        uint64_t bytes;   /* of all layers' tar streams together; a sparse file counts whole */
        uint64_t entries; /* of all layers together */
        uint64_t layers;
        size_t path_bytes;          /* of an entry's or a hard link's path, without the NUL */
        size_t name_bytes;          /* of one component */
        size_t depth;               /* components of a path */
        size_t xattr_bytes;         /* of one value */
        size_t header_bytes;        /* of one entry's headers: long names, pax records */
        uint64_t zstd_window_bytes; /* rounded down to a power of two */
        uint64_t ratio;             /* unpacked to compressed bytes of one layer, … */
        uint64_t ratio_floor_bytes; /* … looked at from this many unpacked bytes on */
} UnpackLimits;

#define UNPACK_LIMITS_DEFAULT                                                                      \
        ((UnpackLimits){                                                                           \
                .bytes = UINT64_C(256) << 30,                                                      \
                .entries = UINT64_C(10000000),                                                     \
                .layers = 1000,                                                                    \
                .path_bytes = 4095,                                                                \
                .name_bytes = 255,                                                                 \
                .depth = 1024,                                                                     \
                .xattr_bytes = (size_t) 64 << 10,                                                  \
                .header_bytes = (size_t) 1 << 20,                                                  \
                .zstd_window_bytes = UINT64_C(128) << 20,                                          \
                .ratio = 1000,                                                                     \
                .ratio_floor_bytes = UINT64_C(1) << 30,                                            \
        })
