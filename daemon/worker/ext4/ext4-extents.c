/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Trees of extents are written by hand, each node once. ext2fs_extent_insert() writes the node, with a
 * checksum of all of it, twice for each extent, and the inode for each of the first four: a disk with a
 * file of 60 000 extents took 50 % more processor time, one of 100 000 small files 6 % more.
 */

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <ext2fs/ext3_extents.h>
#include <string.h>

#include "ext4-internal.h"

#define EXTENTS_MIN ((size_t) 4)
#define INODE_NODES 4u   /* in an inode */
#define BLOCK_NODES 340u /* in a block, with a checksum after them */
#define DEPTH_MAX   5u   /* levels that suffice for all blocks of a file */

/* Both kinds of node have the same size. */
typedef struct ExtentNode {
        struct ext3_extent_header header;
        union {
                struct ext3_extent leaf;
                struct ext3_extent_idx index;
        } nodes[];
} ExtentNode;

void ext4_extents_done(Ext4Extents *extents) {
        free(extents->extents);
        *extents = (Ext4Extents){ 0 };
}

uint64_t ext4_extents_blocks(const Ext4Extents *extents) {
        uint64_t n = 0;

        for (size_t i = 0; i < extents->n; i++)
                n += extents->extents[i].n;
        return n;
}

static int append(Ext4Extents *extents, const Ext4Extent *extent, Error *error) {
        if (extents->n == extents->room) {
                const size_t room = extents->room > 0 ? 2 * extents->room : EXTENTS_MIN;
                Ext4Extent *grown;

                if (room > EXTENTS_MAX)
                        return error_set(
                                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                                "The file has more than %zu extents", EXTENTS_MAX);
                grown = reallocarray(extents->extents, room, sizeof(*grown));
                if (!grown)
                        return error_oom(error);
                extents->extents = grown;
                extents->room = room;
        }

        extents->extents[extents->n++] = *extent;
        return 0;
}

int ext4_extents_add(Ext4Extents *extents, const Ext4Extent *extent, Error *error) {
        Ext4Extent rest = *extent;

        if (extents->n > 0) {
                Ext4Extent *last = &extents->extents[extents->n - 1];
                const uint32_t room = EXTENT_BLOCKS - last->n;
                const uint32_t n = rest.n < room ? rest.n : room;

                if (last->physical + last->n == rest.physical &&
                    last->logical + last->n == rest.logical) {
                        last->n += n;
                        rest.physical += n;
                        rest.logical += n;
                        rest.n -= n;
                }
        }

        while (rest.n > 0) {
                Ext4Extent part = rest;
                int r;

                if (part.n > EXTENT_BLOCKS)
                        part.n = EXTENT_BLOCKS;
                r = append(extents, &part, error);
                if (r < 0)
                        return r;
                rest.physical += part.n;
                rest.logical += part.n;
                rest.n -= part.n;
        }
        return 0;
}

static int invalid(uint32_t ino, Error *error) {
        return error_set(
                error, EUCLEAN, ERROR_FAILED, "Inode %u of the file system is invalid", ino);
}

static uint64_t join(uint16_t high, uint32_t low) {
        return (uint64_t) le16toh(high) << 32 | le32toh(low);
}

static bool is_valid(const ExtentNode *node, size_t room) {
        return le16toh(node->header.eh_magic) == EXT3_EXT_MAGIC &&
               le16toh(node->header.eh_entries) <= room;
}

static bool in_device(const Ext4 *ext4, uint64_t block, uint64_t n) {
        const uint64_t limit = ext2fs_blocks_count(ext4->fs->super);

        return block > 0 && n <= limit && block <= limit - n;
}

static int load_leaf(
        const Ext4 *ext4, uint32_t ino, const ExtentNode *node, Ext4Extents *ret, Error *error) {
        const size_t n = le16toh(node->header.eh_entries);

        for (size_t i = 0; i < n; i++) {
                const struct ext3_extent *leaf = &node->nodes[i].leaf;
                Ext4Extent extent = {
                        .physical = join(leaf->ee_start_hi, leaf->ee_start),
                        .logical = le32toh(leaf->ee_block),
                        .n = le16toh(leaf->ee_len),
                };
                int r;

                if (extent.n > EXTENT_BLOCKS)
                        extent.n -= EXTENT_BLOCKS;
                if (!in_device(ext4, extent.physical, extent.n))
                        return invalid(ino, error);
                r = append(ret, &extent, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_node(
        Ext4 *ext4,
        uint32_t ino,
        const ExtentNode *node,
        size_t room,
        unsigned depth,
        Ext4Extents *ret,
        Ext4Extents *ret_tree,
        Error *error) {
        _cleanup_(freep) ExtentNode *below = NULL;

        if (!is_valid(node, room) || le16toh(node->header.eh_depth) != depth || depth > DEPTH_MAX)
                return invalid(ino, error);
        if (depth == 0)
                return load_leaf(ext4, ino, node, ret, error);

        below = malloc(BLOCK_BYTES);
        if (!below)
                return error_oom(error);

        for (size_t i = 0; i < le16toh(node->header.eh_entries); i++) {
                const struct ext3_extent_idx *index = &node->nodes[i].index;
                const uint64_t block = join(index->ei_leaf_hi, index->ei_leaf);
                errcode_t code;
                int r;

                if (!in_device(ext4, block, 1))
                        return invalid(ino, error);
                code = io_channel_read_blk64(ext4->fs->io, block, 1, below);
                if (code != 0)
                        return ext4_error(ext4, code, "Cannot read metadata", error);
                r = ret_tree ? append(ret_tree, &(Ext4Extent){ block, 0, 1 }, error) : 0;
                if (r >= 0)
                        r = load_node(
                                ext4, ino, below, BLOCK_NODES, depth - 1, ret, ret_tree, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ext4_extents_load(
        Ext4 *ext4,
        uint32_t ino,
        const Ext4Inode *inode,
        Ext4Extents *ret,
        Ext4Extents *ret_tree,
        Error *error) {
        const ExtentNode *root = (const void *) inode->large.i_block;

        if (!(inode->large.i_flags & EXT4_EXTENTS_FL))
                return 0;
        return load_node(
                ext4, ino, root, INODE_NODES, le16toh(root->header.eh_depth), ret, ret_tree, error);
}

static void start_node(ExtentNode *node, size_t room, size_t n, unsigned depth) {
        node->header = (struct ext3_extent_header){
                .eh_magic = htole16(EXT3_EXT_MAGIC),
                .eh_entries = htole16((uint16_t) n),
                .eh_max = htole16((uint16_t) room),
                .eh_depth = htole16((uint16_t) depth),
        };
}

/* A node over @n extents: of the file, or, above the lowest level, of the nodes below. */
static void fill_node(
        ExtentNode *node, size_t room, unsigned depth, const Ext4Extent *extents, size_t n) {
        assert(n <= room);

        start_node(node, room, n, depth);
        for (size_t i = 0; i < n; i++) {
                const uint32_t logical = htole32(extents[i].logical);
                const uint32_t low = htole32((uint32_t) extents[i].physical);
                const uint16_t high = htole16((uint16_t) (extents[i].physical >> 32));

                if (depth == 0)
                        node->nodes[i].leaf = (struct ext3_extent){
                                .ee_block = logical,
                                .ee_len = htole16((uint16_t) extents[i].n),
                                .ee_start_hi = high,
                                .ee_start = low,
                        };
                else
                        node->nodes[i].index = (struct ext3_extent_idx){
                                .ei_block = logical,
                                .ei_leaf = low,
                                .ei_leaf_hi = high,
                        };
        }
}

/* Writes the nodes of one level, and returns their blocks. */
static int store_level(
        Ext4 *ext4,
        uint32_t ino,
        unsigned depth,
        const Ext4Extents *level,
        Ext4Extents *ret,
        Error *error) {
        _cleanup_(freep) ExtentNode *node = calloc(1, BLOCK_BYTES);

        if (!node)
                return error_oom(error);

        for (size_t i = 0; i < level->n; i += BLOCK_NODES) {
                const size_t n = level->n - i < BLOCK_NODES ? level->n - i : BLOCK_NODES;
                Ext4Extent at = { .logical = level->extents[i].logical, .n = 1 };
                uint64_t got;
                errcode_t code;
                int r;

                r = ext4_blocks_allocate(ext4, 1, &at.physical, &got, error);
                if (r < 0)
                        return r;

                memset(node, 0, BLOCK_BYTES);
                fill_node(node, BLOCK_NODES, depth, level->extents + i, n);
                code = ext2fs_extent_block_csum_set(ext4->fs, ino, &node->header);
                if (code == 0)
                        code = io_channel_write_blk64(ext4->fs->io, at.physical, 1, node);
                if (code != 0)
                        return ext4_error(ext4, code, "Cannot write metadata", error);
                r = append(ret, &at, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ext4_extents_store(
        Ext4 *ext4,
        uint32_t ino,
        Ext4Inode *inode,
        const Ext4Extents *extents,
        uint64_t *ret_blocks,
        Error *error) {
        _cleanup_(ext4_extents_done) Ext4Extents level = { 0 };
        const Ext4Extents *top = extents;
        uint64_t n_blocks = ext4_extents_blocks(extents);
        unsigned depth = 0;

        while (top->n > INODE_NODES) {
                Ext4Extents above = { 0 };
                int r;

                r = store_level(ext4, ino, depth++, top, &above, error);
                ext4_extents_done(&level);
                level = above;
                top = &level;
                if (r < 0)
                        return r;
                n_blocks += level.n;
        }

        inode->large.i_flags |= EXT4_EXTENTS_FL;
        memset(inode->large.i_block, 0, sizeof(inode->large.i_block));
        fill_node((void *) inode->large.i_block, INODE_NODES, depth, top->extents, top->n);
        *ret_blocks = n_blocks;
        return 0;
}

static int free_blocks(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, bool content, Error *error) {
        _cleanup_(ext4_extents_done) Ext4Extents extents = { 0 };
        _cleanup_(ext4_extents_done) Ext4Extents tree = { 0 };
        int r;

        r = ext4_extents_load(ext4, ino, inode, &extents, &tree, error);
        if (r < 0)
                return r;

        for (size_t i = 0; content && i < extents.n; i++)
                ext4_blocks_free(ext4, extents.extents[i].physical, extents.extents[i].n);
        for (size_t i = 0; i < tree.n; i++)
                ext4_blocks_free(ext4, tree.extents[i].physical, 1);
        return 0;
}

int ext4_extents_free(Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, Error *error) {
        return free_blocks(ext4, ino, inode, true, error);
}

int ext4_extents_free_tree(Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, Error *error) {
        return free_blocks(ext4, ino, inode, false, error);
}
