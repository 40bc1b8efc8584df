/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An ext4 file system into which layers are unpacked, each on its own device: exactly the changes of a
 * layer are written to its device. Layers may also have one device in common, which then has all changes.
 *
 *     ext4_new() -> ext4_target() -> unpack_run() -> (ext4_map_owners(), password_set_root(),
 *                   ext4_end_layer())? -> ext4_free()
 *
 * Metadata is kept in a scratch file, and written back at the end of each layer; content is written to
 * the device at once. A device starts with the content of the previous one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base-error.h"
#include "base-idmap.h"
#include "base-limits.h"
#include "ext4-device.h"
#include "unpack-target.h"

#define EXT4_LABEL_MAX ((size_t) 16)

typedef struct Ext4 Ext4;

/* What was exhausted. */
typedef enum Ext4Lack {
        EXT4_LACKS_NOTHING,
        EXT4_LACKS_BLOCKS,
        EXT4_LACKS_INODES,
} Ext4Lack;

typedef struct Ext4Options {
        uint64_t size; /* bytes, a multiple of DISK_BLOCK_BYTES, DISK_SIZE_MIN to DISK_SIZE_MAX */
        const char *label; /* borrowed for the call; cut to EXT4_LABEL_MAX bytes; NULL: none */
        int scratch_fd;    /* an empty file, read-write; borrowed, must outlive the file system */

        /* Returns the device of the next layer: called by ext4_new(), and by the first call after the
         * end of a layer. Owned by the caller, who may then release the previous one, or return it again. */
        int (*next_device)(void *userdata, Ext4Device **ret, Error *error);

        /* A layer is completely on its device, which was flushed. May be NULL. */
        int (*layer_done)(void *userdata, Error *error);

        void *userdata; /* borrowed */
} Ext4Options;

/**
 * ext4_new() - create a file system
 * @ret:        owned by the caller
 *
 * The first device must read as zeros, since unused parts are not written. The file system has a journal,
 * a random UUID, inodes of 256 bytes, and the default features of mke2fs(8) for ext4.
 */
int ext4_new(const Ext4Options *options, Ext4 **ret, Error *error);

/**
 * ext4_open() - continue with the file system on the device
 *
 * next_device() returns the device, with the content of the lower layers. Ignores @options->size and
 * label.
 */
int ext4_open(const Ext4Options *options, Ext4 **ret, Error *error);

/** ext4_free() - release @ext4; writes nothing */
Ext4 *ext4_free(Ext4 *ext4);

/**
 * ext4_target() - the target for the unpacker; borrowed, do not release it
 *
 * Stores owners as in the entries: use it without an owner mapping. ERROR_NO_SPACE if something does not
 * fit.
 */
UnpackTarget *ext4_target(Ext4 *ext4);

/**
 * ext4_map_owners() - apply a mapping to the owner of each inode, and to the ids in its ACLs
 * @uids, @gids:        empty: no change
 */
int ext4_map_owners(Ext4 *ext4, const IdMap *uids, const IdMap *gids, Error *error);

/** ext4_end_layer() - the target's end_layer(), for changes that do not belong to a layer */
int ext4_end_layer(Ext4 *ext4, Error *error);

/**
 * ext4_set_identity() - set a UUID and a label of its own
 * @label:      cut to EXT4_LABEL_MAX bytes
 *
 * For a file system that continues one shared with others. ext4_end_layer() writes it. The checksums do not
 * change, thanks to the feature metadata_csum_seed (Linux 4.4).
 */
int ext4_set_identity(Ext4 *ext4, const char *label, Error *error);

/**
 * ext4_identify() - set the identity of the file system on the device, and change nothing else
 *
 * Like ext4_open(), but uses @options->label. Reads and writes only the super block.
 */
int ext4_identify(const Ext4Options *options, Error *error);

/** ext4_lack() - whether something did not fit, and why */
Ext4Lack ext4_lack(const Ext4 *ext4);

/**
 * ext4_size_for() - estimate the size that a file system needs for the peak content of @ext4, and for more
 * @done:       bytes of input that have made the content since it was created or opened
 * @rest:       bytes of input that follow: they are assumed to need as much each, and a bit more
 *
 * For a message; never too small for the existing content: bytes, a multiple of 1 MiB. For an opened file
 * system, includes its own metadata.
 *
 * Return: 0 if unknown: nothing was done yet, or no file system is large enough.
 */
uint64_t ext4_size_for(const Ext4 *ext4, uint64_t done, uint64_t rest);

DEFINE_CLEANUP(Ext4, ext4_free);
