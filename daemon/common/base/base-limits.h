/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a job may consume at most; each limit has a key in the section [Limits] of virt-bootstrapd.conf(5).
 * Exceeding one causes ERROR_LIMIT_EXCEEDED, which names it. All members have one type, so that they can be
 * sent to a worker.
 */

#include <stdint.h>

typedef struct Limits {
        uint64_t unpacked_bytes; /* UnpackedSize=; of all layers' tar streams, without holes */
        uint64_t entries;        /* Entries=; of all layers together */
        uint64_t layers;         /* Layers= */
        uint64_t path_bytes; /* PathLength=; of an entry's or a hard link's path, without the NUL */
        uint64_t name_bytes; /* NameLength=; of one component */
        uint64_t depth;      /* PathDepth=; components of a path */
        uint64_t xattr_bytes;  /* XattrSize=; of one value */
        uint64_t header_bytes; /* HeaderSize=; of one entry's headers: long names, pax records */
        uint64_t zstd_window_bytes; /* ZstdWindow=; rounded down to a power of two */
        uint64_t ratio; /* CompressionRatio=; unpacked to compressed bytes of one layer, … */
        uint64_t ratio_floor_bytes; /* CompressionRatioFloor=; … above this many unpacked bytes */
        uint64_t blob_bytes;        /* BlobSize=; of one blob, as it is downloaded */
        uint64_t download_bytes;    /* DownloadSize=; of all that a job downloads */
        uint64_t minimum_speed;     /* MinimumSpeed=; bytes a second of each download, … */
        uint64_t minimum_speed_usec; /* MinimumSpeedSec=; … averaged over this time */
} Limits;

#define LIMITS_DEFAULT                                                                             \
        ((Limits){                                                                                 \
                .unpacked_bytes = UINT64_C(256) << 30,                                             \
                .entries = 10000000,                                                               \
                .layers = 1000,                                                                    \
                .path_bytes = 4095,                                                                \
                .name_bytes = 255,                                                                 \
                .depth = 1024,                                                                     \
                .xattr_bytes = 64 << 10,                                                           \
                .header_bytes = 1 << 20,                                                           \
                .zstd_window_bytes = 128 << 20,                                                    \
                .ratio = 1000,                                                                     \
                .ratio_floor_bytes = UINT64_C(1) << 30,                                            \
                .blob_bytes = UINT64_C(64) << 30,                                                  \
                .download_bytes = UINT64_C(256) << 30,                                             \
                .minimum_speed = 1 << 10,                                                          \
                .minimum_speed_usec = UINT64_C(300000000),                                         \
        })

/* What an error about a limit ends with: where the administrator finds it. */
#define LIMIT_KEY(key) " (" key "= in virt-bootstrapd.conf)"

/* The virtual size of disk images: bytes, rounded up to whole blocks of DISK_BLOCK_BYTES. */
#define DISK_BLOCK_BYTES  UINT64_C(4096)
#define DISK_SIZE_MIN     (UINT64_C(8) << 20)
#define DISK_SIZE_MAX     (UINT64_C(16) << 40)
#define DISK_SIZE_DEFAULT (UINT64_C(5) << 30)
