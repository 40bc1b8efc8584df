/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the files ext4-*.c. Each covers one aspect of the file system, and calls only those before
 * it in this list (ext4.c is above all of them; ext4-device.h, ext4-file.h, ext4-names.h and ext4-scratch.h
 * are below, and use none of them):
 *
 *     core      errors, the device            dirs      directories in memory
 *     output    buffering content             content   the content of files
 *     blocks    allocating and freeing        layer     ending a layer
 *     extents   the blocks of a file          target    UnpackTargetOps
 *     inode     the inode of a file           identity  UUID and label
 *     xattr     extended attributes           format    creating a file system
 *     index     the blocks of directories     owners    mapping owners
 */

#include <ext2fs/ext2fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "ext4-names.h"
#include "ext4-scratch.h"
#include "ext4.h"

#define BLOCK_BYTES     ((size_t) DISK_BLOCK_BYTES)
#define INODE_BYTES     ((size_t) 256)
#define SECTORS_A_BLOCK ((uint64_t) 8)
#define FILE_BLOCKS_MAX UINT64_C(0xffffffff) /* the number of the last one has 32 bits */
#define LINKS_MAX       65000u
#define FAST_LINK_MAX   ((size_t) 59) /* bytes of a link that fits into its inode */
#define WINDOW_BLOCKS   (DISK_BUFFER_BYTES / BLOCK_BYTES) /* what a buffer can have of the device */
#define EXTENT_BLOCKS   UINT32_C(0x8000)                  /* most of one extent */
#define EXTENTS_MAX     ((size_t) 1 << 22)                /* of one file; 64 MiB in memory */
#define DIRS_BYTES_MAX  ((size_t) 16 << 20) /* of all directories in memory, as far as possible */

/* An inode with all its fields. */
typedef union Ext4Inode {
        struct ext2_inode_large large;
        struct ext2_inode small; /* its start */
        uint8_t bytes[INODE_BYTES];
} Ext4Inode;

/* Blocks @logical… of a file are blocks @physical… of the device. */
typedef struct Ext4Extent {
        uint64_t physical;
        uint32_t logical;
        uint32_t n;
} Ext4Extent;

/* Initialize with zeros, release with ext4_extents_done(). */
typedef struct Ext4Extents {
        Ext4Extent *extents; /* owned; sorted by logical block */
        size_t n, room;
} Ext4Extents;

/* A directory that has been read, or is new. */
typedef struct Ext4Dir Ext4Dir;
struct Ext4Dir {
        uint32_t ino, parent;
        Ext4Inode inode;
        Ext4Names names;
        Ext4Extents extents; /* its blocks */
        bool names_changed;
        bool inode_changed;
        size_t bytes; /* accounted for it in Ext4Dirs */
        Ext4Dir *newer, *older;
        Ext4Dir *chain;
};

#define DIR_BUCKETS ((size_t) 4096) /* a power of two */

typedef struct Ext4Dirs {
        Ext4Dir *buckets[DIR_BUCKETS];
        Ext4Dir *newest, *oldest;
        size_t bytes;
        size_t limit; /* of @bytes: DIRS_BYTES_MAX */
} Ext4Dirs;

/* Content on its way to the device: consecutive blocks are collected. */
typedef struct Ext4Output {
        uint8_t *buffer; /* owned by the device; NULL: none */
        uint64_t start;  /* block of the buffer's first byte */
        size_t n_blocks; /* in the buffer */
} Ext4Output;

/* The file being written. */
typedef struct Ext4Content {
        uint32_t ino;
        uint64_t end; /* offset after the last write, bytes */
        uint64_t
                next_block; /* logical; unless it is 0, the block before it is the last of the output */
        Ext4Extents extents;
} Ext4Content;

typedef struct Ext4Amount {
        uint64_t blocks;
        uint64_t inodes;
} Ext4Amount;

struct Ext4 {
        UnpackTarget target;  /* first */
        Ext4Options options;  /* except the label */
        Ext4Scratch *scratch; /* owned */
        ext2_filsys fs;       /* owned */
        Ext4Device *device;   /* borrowed; NULL between layers */
        int64_t now;          /* the time when the layer began */
        uint64_t block_cursor;
        uint32_t inode_cursor;
        ext2fs_block_bitmap freed; /* owned; blocks that this layer freed */
        Ext4Output output;
        Ext4Content content;
        Ext4Dirs dirs;
        bool warned_xattrs;
        Ext4Lack lack;          /* why something did not fit */
        uint64_t free_at_first; /* blocks when it was created; all of them if it was opened */
        Ext4Amount least_free;  /* minimum since then */
        Ext4Amount taken;       /* since then, including what was freed */
};

/* core */

/** ext4_error() - convert an error of libext2fs: "@what: …"; returns a negative errno */
int ext4_error(Ext4 *ext4, errcode_t code, const char *what, Error *error);

/** ext4_full() - set ERROR_NO_SPACE for lack of @lack; returns -ENOSPC */
int ext4_full(Ext4 *ext4, Ext4Lack lack, Error *error);

/** ext4_note_use() - record that blocks or inodes were allocated */
void ext4_note_use(Ext4 *ext4, uint64_t blocks, uint64_t inodes);

/** ext4_device() - make sure that a device exists */
int ext4_device(Ext4 *ext4, Error *error);

/* output */

/** ext4_output_add() - make room for @n blocks from ext4_blocks_allocate(), at @block on the device; fill @ret */
int ext4_output_add(Ext4 *ext4, uint64_t block, uint64_t n, uint8_t **ret, Error *error);

/** ext4_output_last() - the last block that was added; valid until a flush */
uint8_t *ext4_output_last(const Ext4 *ext4);

/** ext4_output_flush() - hand collected blocks to the device */
int ext4_output_flush(Ext4 *ext4, Error *error);

/** ext4_output_done() - drop the buffer */
void ext4_output_done(Ext4 *ext4);

/* blocks */

/** ext4_blocks_init() - observe allocations of libext2fs */
int ext4_blocks_init(Ext4 *ext4, Error *error);

/**
 * ext4_blocks_allocate() - allocate one to @want consecutive blocks, in one window; ERROR_NO_SPACE
 *
 * Buffers end where a window does, so that two writes do not meet within a cluster of the image, which QEMU would
 * have to fill with what is below, and then to write again.
 */
int ext4_blocks_allocate(Ext4 *ext4, uint64_t want, uint64_t *ret, uint64_t *ret_n, Error *error);

/** ext4_blocks_free() - free blocks */
void ext4_blocks_free(Ext4 *ext4, uint64_t block, uint64_t n);

/** ext4_blocks_trim() - discard the blocks that this layer freed */
int ext4_blocks_trim(Ext4 *ext4, Error *error);

/* extents */

/** ext4_extents_done() - release what @extents owns, and make it empty */
void ext4_extents_done(Ext4Extents *extents);

/** ext4_extents_add() - append blocks; ERROR_LIMIT_EXCEEDED */
int ext4_extents_add(Ext4Extents *extents, const Ext4Extent *extent, Error *error);

/** ext4_extents_blocks() - the number of blocks */
uint64_t ext4_extents_blocks(const Ext4Extents *extents);

/**
 * ext4_extents_load() - read the extents of an inode
 * @ret:        must be empty; owned by the caller, also on failure
 * @ret_tree:   likewise, the blocks that store the extents; may be NULL
 */
int ext4_extents_load(
        Ext4 *ext4,
        uint32_t ino,
        const Ext4Inode *inode,
        Ext4Extents *ret,
        Ext4Extents *ret_tree,
        Error *error);

/**
 * ext4_extents_store() - store extents in an inode that has none
 * @ret_blocks: for ext4_inode_set_blocks()
 */
int ext4_extents_store(
        Ext4 *ext4,
        uint32_t ino,
        Ext4Inode *inode,
        const Ext4Extents *extents,
        uint64_t *ret_blocks,
        Error *error);

/** ext4_extents_free() - free all blocks of an inode, or only those of its extent tree */
int ext4_extents_free(Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, Error *error);
int ext4_extents_free_tree(Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, Error *error);

/* inode */

/** ext4_inode_allocate() - allocate an inode number; ERROR_NO_SPACE */
int ext4_inode_allocate(Ext4 *ext4, bool is_dir, uint32_t *ret, Error *error);

/** ext4_inode_read(), ext4_inode_write() - for directories see ext4_dirs_get() */
int ext4_inode_read(Ext4 *ext4, uint32_t ino, Ext4Inode *ret, Error *error);
int ext4_inode_write(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, Error *error);

/** ext4_inode_set() - apply @meta except its xattrs; the rest of @inode stays */
void ext4_inode_set(const Ext4 *ext4, Ext4Inode *inode, const UnpackMeta *meta);

/** ext4_inode_init() - a new inode without content, with one link and @meta except its xattrs */
void ext4_inode_init(const Ext4 *ext4, Ext4Inode *inode, const UnpackMeta *meta);

/** ext4_inode_set_times() - clamped to the range of the file system */
void ext4_inode_set_times(
        Ext4Inode *inode, const struct timespec *atime, const struct timespec *mtime);

/** ext4_inode_info(), ext4_inode_meta() - the reverse; without link target and xattrs */
void ext4_inode_info(uint32_t ino, const Ext4Inode *inode, UnpackInfo *ret);
void ext4_inode_meta(const Ext4Inode *inode, UnpackMeta *ret);

/** ext4_inode_size(), ext4_inode_set_size() - bytes */
uint64_t ext4_inode_size(const Ext4Inode *inode);
void ext4_inode_set_size(Ext4Inode *inode, uint64_t size);

/** ext4_inode_set_blocks() - blocks of the content and its extents; adds that of xattrs */
void ext4_inode_set_blocks(const Ext4 *ext4, Ext4Inode *inode, uint64_t n);

/** ext4_type_from_name(), ext4_type_to_name() - EXT2_FT_… to UnpackType, and back */
UnpackType ext4_type_from_name(uint8_t type);
uint8_t ext4_type_to_name(UnpackType type);

/* xattr */

/**
 * ext4_xattr_write() - write the xattrs of @meta to an inode on disk, and reread it
 *
 * Those that do not fit into the inode and one block are left out, with a warning. ACLs and "security."
 * are written first, so that they fit.
 */
int ext4_xattr_write(
        Ext4 *ext4, uint32_t ino, Ext4Inode *inode, const UnpackMeta *meta, Error *error);

/** ext4_xattr_clear() - likewise, remove all xattrs */
int ext4_xattr_clear(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, Error *error);

/** ext4_xattr_read() - read the xattrs into @meta, which owns them */
int ext4_xattr_read(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, UnpackMeta *meta, Error *error);

/** ext4_xattr_has() - whether an inode has any */
bool ext4_xattr_has(const Ext4Inode *inode);

/** ext4_xattr_map() - apply a mapping to the ids in ACLs */
int ext4_xattr_map(
        Ext4 *ext4,
        uint32_t ino,
        const Ext4Inode *inode,
        const IdMap *uids,
        const IdMap *gids,
        Error *error);

/* index */

/** ext4_index_read() - read names and parent from the directory's blocks */
int ext4_index_read(Ext4 *ext4, Ext4Dir *dir, Error *error);

/** ext4_index_write() - write the directory's blocks from its names; changes the inode and the extents */
int ext4_index_write(Ext4 *ext4, Ext4Dir *dir, Error *error);

/* dirs */

/** ext4_dirs_get() - get a directory, valid until ext4_dirs_shrink() */
int ext4_dirs_get(Ext4 *ext4, uint32_t ino, Ext4Dir **ret, Error *error);

/** ext4_dirs_find() - a directory that is in memory, or NULL */
Ext4Dir *ext4_dirs_find(Ext4 *ext4, uint32_t ino);

/** ext4_dirs_add() - a new directory, empty, in memory only */
int ext4_dirs_add(
        Ext4 *ext4,
        uint32_t ino,
        uint32_t parent,
        const Ext4Inode *inode,
        Ext4Dir **ret,
        Error *error);

/** ext4_dirs_changed() - mark the names, or only the inode, as changed */
void ext4_dirs_changed(Ext4 *ext4, Ext4Dir *dir, bool names);

/** ext4_dirs_forget() - drop a removed directory */
void ext4_dirs_forget(Ext4 *ext4, Ext4Dir *dir);

/** ext4_dirs_shrink() - write and drop directories while they take too much memory */
int ext4_dirs_shrink(Ext4 *ext4, Error *error);

/** ext4_dirs_flush() - write all changes */
int ext4_dirs_flush(Ext4 *ext4, Error *error);

/** ext4_dirs_unwritten() - estimated blocks that unwritten changes need in addition */
uint64_t ext4_dirs_unwritten(const Ext4 *ext4);

/** ext4_dirs_done() - drop all, without writing */
void ext4_dirs_done(Ext4 *ext4);

/* content */

/** ext4_content_begin() - start writing the content of @ino */
void ext4_content_begin(Ext4 *ext4, uint32_t ino);

/** ext4_content_write() - write at rising offsets */
int ext4_content_write(Ext4 *ext4, uint64_t offset, const void *data, size_t size, Error *error);

/** ext4_content_end() - store extents and size in the inode; @size if it is larger */
int ext4_content_end(Ext4 *ext4, Ext4Inode *inode, uint64_t size, Error *error);

/** ext4_content_read() - read the first bytes of a file; returns their number */
ssize_t ext4_content_read(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, void *data, size_t size, Error *error);

/** ext4_content_read_link() - read the target of a link; returns its bytes, cut after @size */
ssize_t ext4_content_read_link(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, char *data, size_t size, Error *error);

/* target */

extern const UnpackTargetOps ext4_target_ops;

/* identity */

/** ext4_random() - fill @ret with random bytes */
int ext4_random(void *ret, size_t size, Error *error);

/** ext4_identity_init() - set a new UUID and @label, or no label if it is NULL */
int ext4_identity_init(struct ext2_super_block *super, const char *label, Error *error);

/* format */

/** ext4_format() - create an empty file system in ext4->scratch; sets ext4->fs */
int ext4_format(Ext4 *ext4, const Ext4Options *options, Error *error);

/** ext4_overhead() - estimated metadata blocks of a file system of @n_blocks blocks */
uint64_t ext4_overhead(uint64_t n_blocks);

/** ext4_inodes_for() - inodes of a file system of @n_blocks blocks */
uint64_t ext4_inodes_for(uint64_t n_blocks);
