/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The metadata of a file system while it changes: what libext2fs reads and writes, in a file, with a
 * note of what differs from the device. A block that was never written comes from the device; one
 * that is written with the content that it has does not count as changed.
 */

#include <ext2fs/ext2fs.h>
#include <stdbool.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "ext4-device.h"

typedef struct Ext4Scratch Ext4Scratch;

/* How libext2fs is told which one to open. */
#define EXT4_SCRATCH_NAME_MAX ((size_t) 32)

extern const io_manager ext4_scratch_io;

typedef struct Ext4ScratchOptions {
        int fd;            /* an empty file; borrowed */
        uint64_t n_blocks; /* of the device */

        /* What the device has; NULL: zeros. */
        int (*read)(void *userdata, uint64_t offset, void *data, size_t size, Error *error);
        void *userdata; /* borrowed */
} Ext4ScratchOptions;

/** ext4_scratch_new() - *@ret is owned by the caller; 0 or a negative errno with @error set */
int ext4_scratch_new(const Ext4ScratchOptions *options, Ext4Scratch **ret, Error *error);

/** ext4_scratch_free() - release @scratch (may be NULL), after all that libext2fs opened */
Ext4Scratch *ext4_scratch_free(Ext4Scratch *scratch);

/** ext4_scratch_resize() - there may be up to @n_blocks blocks */
int ext4_scratch_resize(Ext4Scratch *scratch, uint64_t n_blocks, Error *error);

/** ext4_scratch_name() - the name to open @scratch by, with ext4_scratch_io; returns @ret */
char *ext4_scratch_name(const Ext4Scratch *scratch, char ret[static EXT4_SCRATCH_NAME_MAX]);

/** ext4_scratch_forget() - blocks that are no metadata, or no more */
void ext4_scratch_forget(Ext4Scratch *scratch, uint64_t block, uint64_t n);

/** ext4_scratch_write_out() - write to @device what has changed since the last call */
int ext4_scratch_write_out(Ext4Scratch *scratch, Ext4Device *device, Error *error);

/** ext4_scratch_take_error() - what went wrong in a call of libext2fs: whether there was anything */
bool ext4_scratch_take_error(Ext4Scratch *scratch, Error *ret);

DEFINE_CLEANUP(Ext4Scratch, ext4_scratch_free);
