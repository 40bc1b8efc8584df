/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A directory with more names than fit into a block is written with an index of its hashes, as the
 * kernel and e2fsck(8) would: the root, then the nodes if there are more leaves than the root has
 * room for, then the leaves.
 */

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "ext4-internal.h"

#define DOT_BYTES    ((size_t) 12) /* "." and "..", an entry each */
#define TAIL_BYTES   sizeof(struct ext2_dir_entry_tail)
#define LEAF_BYTES   (BLOCK_BYTES - TAIL_BYTES)
#define HEADER_BYTES ((size_t) EXT2_DIR_ENTRY_HEADER_LEN)
#define ROOT_START   (2 * DOT_BYTES + sizeof(struct ext2_dx_root_info))
#define INDEX_LIMIT(start)                                                                         \
        ((BLOCK_BYTES - (start) - sizeof(struct ext2_dx_tail)) / sizeof(struct ext2_dx_entry))
#define ROOT_LIMIT INDEX_LIMIT(ROOT_START)
#define NODE_LIMIT INDEX_LIMIT(HEADER_BYTES)
#define LEAVES_MAX (ROOT_LIMIT * NODE_LIMIT)
#define CONTINUES  1u /* in a hash: the leaf before it ends with names of the same one */

typedef struct Leaf {
        size_t first; /* of the sorted names */
        uint32_t hash;
} Leaf;

/* The plan for writing a directory. */
typedef struct Plan {
        Ext4Name **names; /* owned; the names to write, in order */
        size_t n_names;
        Leaf *leaves; /* owned; NULL: one block, no index */
        size_t n_leaves, n_nodes;
        uint64_t *blocks; /* owned; the place of each */
        size_t n_blocks;
} Plan;

static void plan_done(Plan *plan) {
        free(plan->names);
        free(plan->leaves);
        free(plan->blocks);
}

static size_t entry_bytes(size_t name_size) {
        return (HEADER_BYTES + name_size + EXT2_DIR_ROUND) & ~(size_t) EXT2_DIR_ROUND;
}

static int read_entry(
        const Ext4 *ext4, Ext4Dir *dir, const struct ext2_dir_entry *entry, Error *error) {
        const size_t size = (size_t) ext2fs_dirent_name_len(entry);
        Ext4Name name = {
                .ino = entry->inode,
                .type = (uint8_t) ext2fs_dirent_file_type(entry),
        };

        if (size == 1 && entry->name[0] == '.')
                return 0;
        if (size == 2 && entry->name[0] == '.' && entry->name[1] == '.') {
                dir->parent = entry->inode;
                return 0;
        }

        name.hash = ext4_names_hash(ext4->fs, entry->name, size);
        return ext4_names_add(&dir->names, &name, entry->name, size, error);
}

static int invalid(const Ext4Dir *dir, Error *error) {
        return error_set(
                error, EUCLEAN, ERROR_FAILED, "The directory with inode %u is invalid", dir->ino);
}

static int read_block(Ext4 *ext4, Ext4Dir *dir, uint8_t *block, Error *error) {
        size_t at = 0;

        while (at < BLOCK_BYTES) {
                const struct ext2_dir_entry *entry = (const void *) (block + at);
                size_t size;
                int r;

                if (BLOCK_BYTES - at < HEADER_BYTES)
                        return invalid(dir, error);
                size = entry->rec_len;
                if (size < HEADER_BYTES || size % 4 != 0 || size > BLOCK_BYTES - at)
                        return invalid(dir, error);

                if (entry->inode != 0) {
                        const size_t name_size = (size_t) ext2fs_dirent_name_len(entry);

                        if (name_size == 0 || name_size > size - HEADER_BYTES ||
                            entry->inode > ext4->fs->super->s_inodes_count)
                                return invalid(dir, error);
                        r = read_entry(ext4, dir, entry, error);
                        if (r < 0)
                                return r;
                }
                at += size;
        }
        return 0;
}

int ext4_index_read(Ext4 *ext4, Ext4Dir *dir, Error *error) {
        _cleanup_(freep) uint8_t *block = malloc(BLOCK_BYTES);

        if (!block)
                return error_oom(error);

        for (size_t i = 0; i < dir->extents.n; i++)
                for (uint32_t j = 0; j < dir->extents.extents[i].n; j++) {
                        errcode_t code;
                        int r;

                        code = ext2fs_read_dir_block4(
                                ext4->fs, dir->extents.extents[i].physical + j, block, 0, dir->ino);
                        if (code != 0)
                                return ext4_error(ext4, code, "Cannot read a directory", error);
                        r = read_block(ext4, dir, block, error);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int compare_hashes(const void *a, const void *b) {
        const Ext4Name *const *x = a, *const *y = b;

        return ((*x)->hash > (*y)->hash) - ((*x)->hash < (*y)->hash);
}

static int plan_names(Plan *plan, const Ext4Names *names, Error *error) {
        plan->names = calloc(names->n_live + 1, sizeof(Ext4Name *));
        if (!plan->names)
                return error_oom(error);

        for (size_t i = 0; i < names->n_names; i++)
                if (names->names[i].ino != 0)
                        plan->names[plan->n_names++] = &names->names[i];
        return 0;
}

static bool fits_one_block(const Plan *plan) {
        size_t bytes = 2 * DOT_BYTES;

        for (size_t i = 0; i < plan->n_names && bytes <= LEAF_BYTES; i++)
                bytes += entry_bytes(plan->names[i]->size);
        return bytes <= LEAF_BYTES;
}

/* Fills leaves with the names in the order of their hashes. */
static int plan_leaves(Plan *plan, Error *error) {
        size_t room = 0, bytes = LEAF_BYTES;

        qsort(plan->names, plan->n_names, sizeof(Ext4Name *), compare_hashes);
        for (size_t i = 0; i < plan->n_names; i++) {
                const uint32_t hash = plan->names[i]->hash;
                const size_t need = entry_bytes(plan->names[i]->size);

                bytes += need;
                if (bytes <= LEAF_BYTES)
                        continue;

                bytes = need;
                if (plan->n_leaves == room) {
                        Leaf *grown;

                        room = room > 0 ? 2 * room : 8;
                        grown = reallocarray(plan->leaves, room, sizeof(*grown));
                        if (!grown)
                                return error_oom(error);
                        plan->leaves = grown;
                }
                plan->leaves[plan->n_leaves++] = (Leaf){
                        .first = i,
                        .hash = i > 0 && plan->names[i - 1]->hash == hash ? hash | CONTINUES : hash,
                };
        }

        if (plan->n_leaves > LEAVES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED, "A directory has too many names");
        if (plan->n_leaves > ROOT_LIMIT)
                plan->n_nodes = (plan->n_leaves + NODE_LIMIT - 1) / NODE_LIMIT;
        return 0;
}

/* Keeps the blocks of the directory, and allocates missing ones, or frees surplus ones. */
static int plan_blocks(Ext4 *ext4, Ext4Dir *dir, Plan *plan, Error *error) {
        size_t n = 0;

        plan->n_blocks = plan->leaves ? 1 + plan->n_nodes + plan->n_leaves : 1;
        plan->blocks = calloc(plan->n_blocks, sizeof(*plan->blocks));
        if (!plan->blocks)
                return error_oom(error);

        for (size_t i = 0; i < dir->extents.n; i++)
                for (uint32_t j = 0; j < dir->extents.extents[i].n; j++) {
                        const uint64_t block = dir->extents.extents[i].physical + j;

                        if (n < plan->n_blocks)
                                plan->blocks[n++] = block;
                        else
                                ext4_blocks_free(ext4, block, 1);
                }

        while (n < plan->n_blocks) {
                uint64_t block, got;
                int r;

                r = ext4_blocks_allocate(ext4, plan->n_blocks - n, &block, &got, error);
                if (r < 0)
                        return r;
                while (got-- > 0)
                        plan->blocks[n++] = block++;
        }
        return 0;
}

static int store_blocks(Ext4 *ext4, Ext4Dir *dir, const Plan *plan, Error *error) {
        _cleanup_(ext4_extents_done) Ext4Extents extents = { 0 };
        int r;

        for (size_t i = 0; i < plan->n_blocks; i++) {
                r = ext4_extents_add(
                        &extents, &(Ext4Extent){ plan->blocks[i], (uint32_t) i, 1 }, error);
                if (r < 0)
                        return r;
        }

        if (ext4_extents_blocks(&dir->extents) != plan->n_blocks) {
                uint64_t n_blocks;

                r = ext4_extents_free_tree(ext4, dir->ino, &dir->inode, error);
                if (r >= 0)
                        r = ext4_extents_store(
                                ext4, dir->ino, &dir->inode, &extents, &n_blocks, error);
                if (r < 0)
                        return r;
                ext4_inode_set_blocks(ext4, &dir->inode, n_blocks);
        }

        ext4_inode_set_size(&dir->inode, plan->n_blocks * DISK_BLOCK_BYTES);
        dir->inode.large.i_flags &= ~(uint32_t) EXT2_INDEX_FL;
        if (plan->leaves)
                dir->inode.large.i_flags |= EXT2_INDEX_FL;
        dir->inode_changed = true;

        ext4_extents_done(&dir->extents);
        dir->extents = TAKE_STRUCT(extents);
        return 0;
}

static struct ext2_dir_entry *put_entry(
        uint8_t *at, uint32_t ino, uint8_t type, const char *name, size_t size, size_t bytes) {
        struct ext2_dir_entry *entry = (void *) at;

        entry->inode = ino;
        entry->rec_len = (uint16_t) bytes;
        ext2fs_dirent_set_name_len(entry, (int) size);
        ext2fs_dirent_set_file_type(entry, type);
        memcpy(entry->name, name, size);
        return entry;
}

/* "." and "..", the latter as long as @bytes. */
static struct ext2_dir_entry *put_dots(const Ext4Dir *dir, uint8_t *block, size_t bytes) {
        (void) put_entry(block, dir->ino, EXT2_FT_DIR, ".", 1, DOT_BYTES);
        return put_entry(block + DOT_BYTES, dir->parent, EXT2_FT_DIR, "..", 2, bytes);
}

/* Names from @first to before @end, at @at; @last is the entry before. */
static void put_names(
        const Ext4Dir *dir,
        const Plan *plan,
        size_t first,
        size_t end,
        uint8_t *block,
        size_t at,
        struct ext2_dir_entry *last) {
        for (size_t i = first; i < end; i++) {
                const Ext4Name *name = plan->names[i];
                const size_t bytes = entry_bytes(name->size);

                last = put_entry(
                        block + at, name->ino, name->type, ext4_names_text(&dir->names, name),
                        name->size, bytes);
                at += bytes;
        }

        last->rec_len = (uint16_t) (last->rec_len + LEAF_BYTES - at);
}

static int write_block(
        Ext4 *ext4,
        const Ext4Dir *dir,
        uint64_t number,
        uint8_t *block,
        bool is_leaf,
        Error *error) {
        errcode_t code;

        if (is_leaf)
                ext2fs_initialize_dirent_tail(
                        ext4->fs, EXT2_DIRENT_TAIL(block, ext4->fs->blocksize));
        code = ext2fs_write_dir_block4(ext4->fs, number, block, 0, dir->ino);
        memset(block, 0, BLOCK_BYTES);
        return code == 0 ? 0 : ext4_error(ext4, code, "Cannot write a directory", error);
}

/* The entries of an index: the first one's hash has the numbers of entries in its place. */
static void put_index(
        uint8_t *block, size_t start, const Leaf *leaves, size_t step, size_t n, uint32_t first) {
        const struct ext2_dx_countlimit counts = {
                .limit = htole16((uint16_t) INDEX_LIMIT(start)),
                .count = htole16((uint16_t) n),
        };
        struct ext2_dx_entry *entries = (void *) (block + start);

        for (size_t i = 0; i < n; i++)
                entries[i] = (struct ext2_dx_entry){
                        .hash = htole32(leaves[i * step].hash),
                        .block = htole32(first + (uint32_t) i),
                };
        memcpy(&entries[0].hash, &counts, sizeof(counts));
}

static int write_root(
        Ext4 *ext4, const Ext4Dir *dir, const Plan *plan, uint8_t *block, Error *error) {
        const struct ext2_dx_root_info info = {
                .hash_version = ext4->fs->super->s_def_hash_version,
                .info_length = sizeof(info),
                .indirect_levels = plan->n_nodes > 0,
        };
        const bool has_nodes = plan->n_nodes > 0;

        (void) put_dots(dir, block, BLOCK_BYTES - DOT_BYTES);
        memcpy(block + 2 * DOT_BYTES, &info, sizeof(info));
        put_index(
                block, ROOT_START, plan->leaves, has_nodes ? NODE_LIMIT : 1,
                has_nodes ? plan->n_nodes : plan->n_leaves, 1);
        return write_block(ext4, dir, plan->blocks[0], block, false, error);
}

static int write_nodes(
        Ext4 *ext4, const Ext4Dir *dir, const Plan *plan, uint8_t *block, Error *error) {
        for (size_t i = 0; i < plan->n_nodes; i++) {
                const size_t first = i * NODE_LIMIT;
                size_t n = plan->n_leaves - first;
                int r;

                if (n > NODE_LIMIT)
                        n = NODE_LIMIT;
                ((struct ext2_dir_entry *) (void *) block)->rec_len = (uint16_t) BLOCK_BYTES;
                put_index(
                        block, HEADER_BYTES, plan->leaves + first, 1, n,
                        (uint32_t) (1 + plan->n_nodes + first));
                r = write_block(ext4, dir, plan->blocks[1 + i], block, false, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_leaves(
        Ext4 *ext4, const Ext4Dir *dir, const Plan *plan, uint8_t *block, Error *error) {
        for (size_t i = 0; i < plan->n_leaves; i++) {
                const size_t end =
                        i + 1 < plan->n_leaves ? plan->leaves[i + 1].first : plan->n_names;
                int r;

                put_names(dir, plan, plan->leaves[i].first, end, block, 0, NULL);
                r = write_block(ext4, dir, plan->blocks[1 + plan->n_nodes + i], block, true, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_blocks(Ext4 *ext4, const Ext4Dir *dir, const Plan *plan, Error *error) {
        _cleanup_(freep) uint8_t *block = calloc(1, BLOCK_BYTES);
        int r;

        if (!block)
                return error_oom(error);

        if (!plan->leaves) {
                put_names(
                        dir, plan, 0, plan->n_names, block, 2 * DOT_BYTES,
                        put_dots(dir, block, DOT_BYTES));
                return write_block(ext4, dir, plan->blocks[0], block, true, error);
        }

        r = write_root(ext4, dir, plan, block, error);
        if (r >= 0)
                r = write_nodes(ext4, dir, plan, block, error);
        return r < 0 ? r : write_leaves(ext4, dir, plan, block, error);
}

int ext4_index_write(Ext4 *ext4, Ext4Dir *dir, Error *error) {
        _cleanup_(plan_done) Plan plan = { 0 };
        int r;

        r = plan_names(&plan, &dir->names, error);
        if (r >= 0 && !fits_one_block(&plan))
                r = plan_leaves(&plan, error);
        if (r >= 0)
                r = plan_blocks(ext4, dir, &plan, error);
        if (r >= 0)
                r = store_blocks(ext4, dir, &plan, error);
        return r < 0 ? r : write_blocks(ext4, dir, &plan, error);
}
