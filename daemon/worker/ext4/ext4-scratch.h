/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The metadata of a file system while it changes: libext2fs reads and writes it in a file, which records
 * what differs from the device. A block that was never written is read from the device; rewriting a
 * block with the same content does not count as a change.
 */

#include <ext2fs/ext2fs.h>
#include <stdbool.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "ext4-device.h"

typedef struct Ext4Scratch Ext4Scratch;

/* Bytes of the name by which libext2fs opens a scratch file. */
#define EXT4_SCRATCH_NAME_MAX ((size_t) 32)

extern const io_manager ext4_scratch_io;

typedef struct Ext4ScratchOptions {
        int fd;            /* an empty file; borrowed */
        uint64_t n_blocks; /* of the device */

        /* Reads from the device; NULL: it has zeros. */
        int (*read)(void *userdata, uint64_t offset, void *data, size_t size, Error *error);
        void *userdata; /* borrowed */
} Ext4ScratchOptions;

/** ext4_scratch_new() - *@ret is owned by the caller */
int ext4_scratch_new(const Ext4ScratchOptions *options, Ext4Scratch **ret, Error *error);

/** ext4_scratch_free() - release @scratch, after libext2fs has closed it */
Ext4Scratch *ext4_scratch_free(Ext4Scratch *scratch);

/** ext4_scratch_resize() - allow up to @n_blocks blocks */
int ext4_scratch_resize(Ext4Scratch *scratch, uint64_t n_blocks, Error *error);

/** ext4_scratch_name() - the name to open @scratch by, with ext4_scratch_io; returns @ret */
char *ext4_scratch_name(const Ext4Scratch *scratch, char ret[static EXT4_SCRATCH_NAME_MAX]);

/** ext4_scratch_forget() - drop blocks that are not metadata, or not any more */
void ext4_scratch_forget(Ext4Scratch *scratch, uint64_t block, uint64_t n);

/** ext4_scratch_write_out() - write changes since the last call to @device */
int ext4_scratch_write_out(Ext4Scratch *scratch, Ext4Device *device, Error *error);

/** ext4_scratch_take_error() - take the error of a call of libext2fs; returns whether there was one */
bool ext4_scratch_take_error(Ext4Scratch *scratch, Error *ret);

DEFINE_CLEANUP(Ext4Scratch, ext4_scratch_free);
