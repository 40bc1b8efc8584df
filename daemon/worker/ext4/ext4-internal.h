/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files ext4-*.c share. Each is about one thing of the file system, and calls only those
 * before it in this list (ext4.c comes after all of them; below are ext4-device.h, ext4-names.h and
 * ext4-scratch.h, which know nothing of these):
 *
 *     core      errors, the device            dirs      directories in memory
 *     output    content on its way            content   what is in a file
 *     blocks    allocating and freeing        layer     the end of one
 *     extents   which blocks a file has       target    what the unpacker calls
 *     inode     what a file is                identity  whose it is
 *     xattr     extended attributes           format    making one
 *     index     the blocks of directories     owners    mapping them
 *
 * Unless told otherwise, functions return 0, or a negative errno with @error set.
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
#define FAST_LINK_MAX   ((size_t) 59)       /* bytes of a link that fits into its inode */
#define EXTENT_BLOCKS   UINT32_C(0x8000)    /* most of one extent */
#define EXTENTS_MAX     ((size_t) 1 << 22)  /* of one file; 64 MiB in memory */
#define DIRS_BYTES_MAX  ((size_t) 64 << 20) /* of all directories in memory, as far as possible */

/* An inode with all that is in it. */
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

/* Zero it; ext4_extents_done(). */
typedef struct Ext4Extents {
        Ext4Extent *extents; /* owned; by rising logical blocks */
        size_t n, room;
} Ext4Extents;

/* A directory that was read, or is new. */
typedef struct Ext4Dir Ext4Dir;
struct Ext4Dir {
        uint32_t ino, parent;
        Ext4Inode inode;
        Ext4Names names;
        Ext4Extents extents; /* blocks that it has */
        bool names_changed;
        bool inode_changed;
        size_t bytes; /* that are accounted for it */
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

/* Content on its way to the device: blocks are collected as long as they follow each other there. */
typedef struct Ext4Output {
        uint8_t *buffer; /* the device's; NULL: none */
        uint64_t start;  /* block of the buffer's first byte */
        size_t n_blocks; /* in the buffer */
} Ext4Output;

/* The file that is being written. */
typedef struct Ext4Content {
        uint32_t ino;
        uint64_t end; /* bytes that were written, or would have been */
        uint64_t
                next_block; /* logical; the one before it is the last of the output, unless it is 0 */
        Ext4Extents extents;
} Ext4Content;

typedef struct Ext4Amount {
        uint64_t blocks;
        uint64_t inodes;
} Ext4Amount;

struct Ext4 {
        UnpackTarget target;  /* first */
        Ext4Options options;  /* label is not */
        Ext4Scratch *scratch; /* owned */
        ext2_filsys fs;       /* owned */
        Ext4Device *device;   /* borrowed; NULL between layers */
        int64_t now;          /* when the layer began */
        uint64_t block_cursor;
        uint32_t inode_cursor;
        ext2fs_block_bitmap freed; /* owned; blocks that this layer freed */
        Ext4Output output;
        Ext4Content content;
        Ext4Dirs dirs;
        bool warned_xattrs;
        Ext4Lack lack;          /* of what something did not fit */
        uint64_t free_at_first; /* blocks, when it was made; all of them when it was opened */
        Ext4Amount least_free;  /* at any time since then */
        Ext4Amount taken;       /* since then, whether it was given back or not */
};

/* core */

/** ext4_error() - turn what libext2fs returned into @error: "@what: …"; returns a negative errno */
int ext4_error(Ext4 *ext4, errcode_t code, const char *what, Error *error);

/** ext4_full() - it is ERROR_NO_SPACE, for want of @lack; returns -ENOSPC */
int ext4_full(Ext4 *ext4, Ext4Lack lack, Error *error);

/** ext4_note_use() - so many blocks or inodes were taken */
void ext4_note_use(Ext4 *ext4, uint64_t blocks, uint64_t inodes);

/** ext4_device() - make sure that there is a device */
int ext4_device(Ext4 *ext4, Error *error);

/* output */

/** ext4_output_room() - blocks that ext4_output_add() may be asked for, at least one */
uint64_t ext4_output_room(const Ext4 *ext4);

/** ext4_output_add() - make room for @n blocks, the device's from @block on; @ret is to be filled */
int ext4_output_add(Ext4 *ext4, uint64_t block, uint64_t n, uint8_t **ret, Error *error);

/** ext4_output_last() - the last block that was added; only as long as nothing was flushed */
uint8_t *ext4_output_last(const Ext4 *ext4);

/** ext4_output_flush() - hand what was collected to the device */
int ext4_output_flush(Ext4 *ext4, Error *error);

/** ext4_output_done() - forget it */
void ext4_output_done(Ext4 *ext4);

/* blocks */

/** ext4_blocks_init() - hear from libext2fs about blocks */
int ext4_blocks_init(Ext4 *ext4, Error *error);

/** ext4_blocks_allocate() - from one to @want blocks that follow each other; ERROR_NO_SPACE */
int ext4_blocks_allocate(Ext4 *ext4, uint64_t want, uint64_t *ret, uint64_t *ret_n, Error *error);

/** ext4_blocks_free() - give blocks back */
void ext4_blocks_free(Ext4 *ext4, uint64_t block, uint64_t n);

/** ext4_blocks_trim() - tell the device of what this layer freed */
int ext4_blocks_trim(Ext4 *ext4, Error *error);

/* extents */

/** ext4_extents_done() - release what @extents owns, and make it empty */
void ext4_extents_done(Ext4Extents *extents);

/** ext4_extents_add() - add blocks after those that are there; ERROR_LIMIT_EXCEEDED */
int ext4_extents_add(Ext4Extents *extents, const Ext4Extent *extent, Error *error);

/** ext4_extents_blocks() - how many blocks there are */
uint64_t ext4_extents_blocks(const Ext4Extents *extents);

/**
 * ext4_extents_load() - the extents of an inode
 * @ret:        empty; owned by the caller, also on failure
 * @ret_tree:   the same for the blocks that the extents are kept in; may be NULL
 */
int ext4_extents_load(
        Ext4 *ext4,
        uint32_t ino,
        const Ext4Inode *inode,
        Ext4Extents *ret,
        Ext4Extents *ret_tree,
        Error *error);

/**
 * ext4_extents_store() - put extents into an inode that has none
 * @ret_blocks: for ext4_inode_set_blocks()
 */
int ext4_extents_store(
        Ext4 *ext4,
        uint32_t ino,
        Ext4Inode *inode,
        const Ext4Extents *extents,
        uint64_t *ret_blocks,
        Error *error);

/** ext4_extents_free() - give back all blocks of an inode, or those of the tree alone */
int ext4_extents_free(Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, Error *error);
int ext4_extents_free_tree(Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, Error *error);

/* inode */

/** ext4_inode_allocate() - a number for a new inode; ERROR_NO_SPACE */
int ext4_inode_allocate(Ext4 *ext4, bool is_dir, uint32_t *ret, Error *error);

/** ext4_inode_read(), ext4_inode_write() - of directories, see ext4_dirs_get() */
int ext4_inode_read(Ext4 *ext4, uint32_t ino, Ext4Inode *ret, Error *error);
int ext4_inode_write(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, Error *error);

/** ext4_inode_set() - what @meta says but its xattrs; the rest of @inode stays */
void ext4_inode_set(const Ext4 *ext4, Ext4Inode *inode, const UnpackMeta *meta);

/** ext4_inode_init() - a new inode with no content, one link and what @meta says but its xattrs */
void ext4_inode_init(const Ext4 *ext4, Ext4Inode *inode, const UnpackMeta *meta);

/** ext4_inode_set_times() - clamped to what the file system can keep */
void ext4_inode_set_times(
        Ext4Inode *inode, const struct timespec *atime, const struct timespec *mtime);

/** ext4_inode_info(), ext4_inode_meta() - the same the other way round; no link, no xattrs */
void ext4_inode_info(uint32_t ino, const Ext4Inode *inode, UnpackInfo *ret);
void ext4_inode_meta(const Ext4Inode *inode, UnpackMeta *ret);

/** ext4_inode_size(), ext4_inode_set_size() - bytes */
uint64_t ext4_inode_size(const Ext4Inode *inode);
void ext4_inode_set_size(Ext4Inode *inode, uint64_t size);

/** ext4_inode_set_blocks() - blocks of the content and its extents; that of xattrs is added */
void ext4_inode_set_blocks(const Ext4 *ext4, Ext4Inode *inode, uint64_t n);

/** ext4_type_of() - EXT2_FT_… to UnpackType, and back */
UnpackType ext4_type_from_name(uint8_t type);
uint8_t ext4_type_to_name(UnpackType type);

/* xattr */

/**
 * ext4_xattr_write() - write the xattrs of @meta to an inode that was written, and read it again
 *
 * What does not fit into the inode and a block is left out, with a warning: ACLs and "security." come
 * first, so that it is not them.
 */
int ext4_xattr_write(
        Ext4 *ext4, uint32_t ino, Ext4Inode *inode, const UnpackMeta *meta, Error *error);

/** ext4_xattr_clear() - the same, removing all of them */
int ext4_xattr_clear(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, Error *error);

/** ext4_xattr_read() - put the xattrs into @meta, owned by it */
int ext4_xattr_read(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, UnpackMeta *meta, Error *error);

/** ext4_xattr_has() - whether an inode has any */
bool ext4_xattr_has(const Ext4Inode *inode);

/** ext4_xattr_map() - apply a mapping to the ids in the ACLs */
int ext4_xattr_map(
        Ext4 *ext4,
        uint32_t ino,
        const Ext4Inode *inode,
        const IdMap *uids,
        const IdMap *gids,
        Error *error);

/* index */

/** ext4_index_read() - names and parent from the directory's blocks */
int ext4_index_read(Ext4 *ext4, Ext4Dir *dir, Error *error);

/** ext4_index_write() - the directory's blocks from its names; changes the inode and the extents */
int ext4_index_write(Ext4 *ext4, Ext4Dir *dir, Error *error);

/* dirs */

/** ext4_dirs_get() - read a directory; it stays until ext4_dirs_shrink() */
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

/** ext4_dirs_changed() - the names, or the inode alone, have changed */
void ext4_dirs_changed(Ext4 *ext4, Ext4Dir *dir, bool names);

/** ext4_dirs_forget() - the directory is no more */
void ext4_dirs_forget(Ext4 *ext4, Ext4Dir *dir);

/** ext4_dirs_shrink() - write and forget some when they take too much memory */
int ext4_dirs_shrink(Ext4 *ext4, Error *error);

/** ext4_dirs_flush() - write all that changed */
int ext4_dirs_flush(Ext4 *ext4, Error *error);

/** ext4_dirs_unwritten() - blocks, about, that what changed will take beyond those that it has */
uint64_t ext4_dirs_unwritten(const Ext4 *ext4);

/** ext4_dirs_done() - forget all, without writing */
void ext4_dirs_done(Ext4 *ext4);

/* content */

/** ext4_content_begin() - the content of @ino follows */
void ext4_content_begin(Ext4 *ext4, uint32_t ino);

/** ext4_content_write() - at rising offsets */
int ext4_content_write(Ext4 *ext4, uint64_t offset, const void *data, size_t size, Error *error);

/** ext4_content_end() - put extents and size into the inode; @size: if it is larger */
int ext4_content_end(Ext4 *ext4, Ext4Inode *inode, uint64_t size, Error *error);

/** ext4_content_read() - the first bytes of a file; returns how many there are */
ssize_t ext4_content_read(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, void *data, size_t size, Error *error);

/** ext4_content_read_link() - where a link points; returns bytes, cut after @size */
ssize_t ext4_content_read_link(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, char *data, size_t size, Error *error);

/* target */

extern const UnpackTargetOps ext4_target_ops;

/* identity */

/** ext4_random() - fill @ret with random bytes */
int ext4_random(void *ret, size_t size, Error *error);

/** ext4_identity_init() - a new UUID, and @label, or none when it is NULL */
int ext4_identity_init(struct ext2_super_block *super, const char *label, Error *error);

/* format */

/** ext4_format() - make an empty file system in ext4->scratch, which is ext4->fs then */
int ext4_format(Ext4 *ext4, const Ext4Options *options, Error *error);

/** ext4_overhead() - blocks that a file system of @n_blocks blocks needs for itself, about */
uint64_t ext4_overhead(uint64_t n_blocks);

/** ext4_inodes_for() - inodes of a file system of @n_blocks blocks */
uint64_t ext4_inodes_for(uint64_t n_blocks);
