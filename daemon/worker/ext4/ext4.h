/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An ext4 file system that layers are unpacked into, one device after the other: what a layer changes
 * goes to that layer's device, and nothing else does.
 *
 *     ext4_new() -> ext4_target() -> unpack_run() -> (ext4_map_owners(), password_set_root(),
 *                   ext4_end_layer())? -> ext4_free()
 *
 * Metadata is kept in a scratch file, written back at the end of each layer; content goes to the
 * device at once. A device starts with the content of the one before it.
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

/* What there was not enough of. */
typedef enum Ext4Lack {
        EXT4_LACKS_NOTHING,
        EXT4_LACKS_BLOCKS,
        EXT4_LACKS_INODES,
} Ext4Lack;

typedef struct Ext4Options {
        uint64_t size; /* bytes, a multiple of DISK_BLOCK_BYTES, DISK_SIZE_MIN to DISK_SIZE_MAX */
        const char *label; /* borrowed for the call; cut to EXT4_LABEL_MAX bytes; NULL: none */
        int scratch_fd;    /* an empty file, read-write; borrowed, must outlive the file system */

        /* The device of the next layer: called by ext4_new(), and by what comes first after the end
         * of a layer. Owned by the caller, who may take the one before it back then. */
        int (*next_device)(void *userdata, Ext4Device **ret, Error *error);

        /* All of a layer is on its device, which was flushed. NULL: nobody asks. */
        int (*layer_done)(void *userdata, Error *error);

        void *userdata; /* borrowed */
} Ext4Options;

/**
 * ext4_new() - make a file system
 * @ret:        owned by the caller; untouched on failure
 *
 * The first device has to read as zeros: what is not needed yet is not written.
 *
 * With a journal, a random UUID, inodes of 256 bytes, and the features that mke2fs(8) gives ext4 by default.
 *
 * Return: 0, or a negative errno with @error set.
 */
int ext4_new(const Ext4Options *options, Ext4 **ret, Error *error);

/**
 * ext4_open() - go on with the file system that the device has
 *
 * The device comes from next_device(), and has the lower layers' content. @options->size and label are
 * not looked at.
 */
int ext4_open(const Ext4Options *options, Ext4 **ret, Error *error);

/** ext4_free() - release @ext4 (may be NULL); writes nothing */
Ext4 *ext4_free(Ext4 *ext4);

/**
 * ext4_target() - what the unpacker writes to; borrowed, not to be released with unpack_target_free()
 *
 * Owners are the entries' own: to be used without an owner mapping. What does not fit is ERROR_NO_SPACE.
 */
UnpackTarget *ext4_target(Ext4 *ext4);

/**
 * ext4_map_owners() - apply a mapping to the owner of each inode, and to the ids in its ACLs
 * @uids, @gids:        an empty one leaves them
 */
int ext4_map_owners(Ext4 *ext4, const IdMap *uids, const IdMap *gids, Error *error);

/** ext4_end_layer() - what the target's end_layer() does, for changes that are no layer's */
int ext4_end_layer(Ext4 *ext4, Error *error);

/**
 * ext4_set_identity() - give it a UUID and a label of its own
 * @label:      cut to EXT4_LABEL_MAX bytes
 *
 * For what goes on with a file system that others go on with, too. To be written by ext4_end_layer(). The
 * checksums stay as they are, by the feature metadata_csum_seed, which Linux knows since 4.4.
 */
int ext4_set_identity(Ext4 *ext4, const char *label, Error *error);

/**
 * ext4_identify() - do that, and nothing else, with the file system that the device has
 *
 * As ext4_open(), but for @options->label. What it reads and writes is the super block alone.
 */
int ext4_identify(const Ext4Options *options, Error *error);

/** ext4_lack() - whether something failed because it did not fit, and why not */
Ext4Lack ext4_lack(const Ext4 *ext4);

/**
 * ext4_size_for() - about how large a file system has to be for all that @ext4 held at any time, and for more
 * @done:       bytes of any input, of which that was made since it was made or opened
 * @rest:       bytes that follow: they will make as much each as those of @done, and a bit more
 *
 * For a message, and never too little for what is there: bytes, a multiple of 1 MiB. Of one that was
 * opened, what the file system has for itself counts, too.
 *
 * Return: 0 when nothing can be said: nothing was done yet, or no file system is large enough.
 */
uint64_t ext4_size_for(const Ext4 *ext4, uint64_t done, uint64_t rest);

DEFINE_CLEANUP(Ext4, ext4_free);
