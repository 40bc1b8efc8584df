/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Like mke2fs(8) with the configuration of Debian 12, but always with blocks of 4096 bytes, and without
 * lost+found, since the root directory has exactly the content of the image. */

#include <errno.h>
#include <string.h>

#include "ext4-internal.h"

#define SMALL_BYTES       (UINT64_C(512) << 20)
#define BIG_BYTES         (UINT64_C(4) << 40)
#define RESERVED_PERCENT  5u
#define GROUPS_A_FLEX_LOG 4u
#define GROUP_BLOCKS      UINT64_C(32768)
#define BLOCK_32_MAX      UINT64_C(0xffffffff)

uint64_t ext4_inodes_for(uint64_t n_blocks) {
        const uint64_t size = n_blocks * DISK_BLOCK_BYTES;

        if (size < SMALL_BYTES)
                return size / 4096;
        if (size >= BIG_BYTES)
                return size / 32768;
        /* Never fewer than in a smaller file system. */
        return size / 16384 > SMALL_BYTES / 4096 ? size / 16384 : SMALL_BYTES / 4096;
}

static uint64_t journal_blocks(uint64_t n_blocks) {
        const int n = ext2fs_default_journal_size(n_blocks);

        return n > 0 ? (uint64_t) n : 0;
}

uint64_t ext4_overhead(uint64_t n_blocks) {
        const uint64_t groups = n_blocks / GROUP_BLOCKS + 1;
        const uint64_t inodes = ext4_inodes_for(n_blocks) * INODE_BYTES / BLOCK_BYTES;

        /* Bitmaps, tables, and some tens of copies of the descriptors, with those that are kept free
         * for them to grow: 1024 at most. */
        return journal_blocks(n_blocks) + inodes + groups * 2 +
               (groups < 64 ? groups : 64) * (groups / 64 + 2) + 1024;
}

static void set_features(struct ext2_super_block *super, uint64_t n_blocks) {
        ext2fs_set_feature_xattr(super);
        ext2fs_set_feature_dir_index(super);
        ext2fs_set_feature_filetype(super);
        ext2fs_set_feature_extents(super);
        ext2fs_set_feature_64bit(super);
        ext2fs_set_feature_flex_bg(super);
        ext2fs_set_feature_sparse_super(super);
        ext2fs_set_feature_large_file(super);
        ext2fs_set_feature_huge_file(super);
        ext2fs_set_feature_dir_nlink(super);
        ext2fs_set_feature_extra_isize(super);
        ext2fs_set_feature_metadata_csum(super);
        if (n_blocks <= BLOCK_32_MAX)
                ext2fs_set_feature_resize_inode(super);
}

static int set_super(Ext4 *ext4, const char *label, Error *error) {
        struct ext2_super_block *super = ext4->fs->super;
        int r;

        r = ext4_identity_init(super, label, error);
        if (r >= 0)
                r = ext4_random(super->s_hash_seed, sizeof(super->s_hash_seed), error);
        if (r < 0)
                return r;

        super->s_checksum_type = EXT2_CRC32C_CHKSUM;
        ext2fs_init_csum_seed(ext4->fs);
        super->s_def_hash_version = EXT2_HASH_HALF_MD4;
        super->s_flags |= EXT2_FLAGS_SIGNED_HASH;
        super->s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
        super->s_max_mnt_count = -1;
        super->s_checkinterval = 0;
        super->s_mkfs_time = super->s_lastcheck = (uint32_t) ext4->now;
        super->s_min_extra_isize = super->s_want_extra_isize =
                sizeof(struct ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
        return 0;
}

/* The kernel has nothing left to initialise. */
static void set_groups(ext2_filsys fs) {
        for (dgrp_t i = 0; i < fs->group_desc_count; i++) {
                ext2fs_bg_flags_set(fs, i, EXT2_BG_INODE_ZEROED);
                ext2fs_group_desc_csum_set(fs, i);
        }
}

static int make_root(Ext4 *ext4, Error *error) {
        const struct timespec now = { .tv_sec = ext4->now };
        const UnpackMeta meta = {
                .type = UNPACK_DIRECTORY,
                .mode = 0755,
                .atime = now,
                .mtime = now,
        };
        Ext4Inode inode;
        Ext4Dir *dir;

        ext4_inode_init(ext4, &inode, &meta);
        ext2fs_inode_alloc_stats2(ext4->fs, EXT2_ROOT_INO, +1, 1);
        return ext4_dirs_add(ext4, EXT2_ROOT_INO, EXT2_ROOT_INO, &inode, &dir, error);
}

static errcode_t make_reserved(ext2_filsys fs) {
        struct ext2fs_journal_params journal = { 0 };
        errcode_t code;

        ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, +1, 0);
        for (ext2_ino_t ino = EXT2_ROOT_INO + 1; ino < EXT2_FIRST_INODE(fs->super); ino++)
                ext2fs_inode_alloc_stats2(fs, ino, +1, 0);

        code = ext2fs_update_bb_inode(fs, NULL);
        if (code == 0 && ext2fs_has_feature_resize_inode(fs->super))
                code = ext2fs_create_resize_inode(fs);
        if (code != 0)
                return code;

        journal.num_journal_blocks = (blk_t) journal_blocks(ext2fs_blocks_count(fs->super));
        if (journal.num_journal_blocks == 0)
                return 0;
        return ext2fs_add_journal_inode3(
                fs, &journal, ~UINT64_C(0), EXT2_MKJOURNAL_LAZYINIT | EXT2_MKJOURNAL_NO_MNT_CHECK);
}

int ext4_format(Ext4 *ext4, const Ext4Options *options, Error *error) {
        const uint64_t n_blocks = options->size / DISK_BLOCK_BYTES;
        struct ext2_super_block param = {
                .s_rev_level = EXT2_DYNAMIC_REV,
                .s_log_block_size = 2,
                .s_log_cluster_size = 2,
                .s_inode_size = INODE_BYTES,
                .s_log_groups_per_flex = GROUPS_A_FLEX_LOG,
        };
        char name[EXT4_SCRATCH_NAME_MAX];
        errcode_t code;
        int r;

        set_features(&param, n_blocks);
        ext2fs_blocks_count_set(&param, n_blocks);
        ext2fs_r_blocks_count_set(&param, n_blocks * RESERVED_PERCENT / 100);
        param.s_inodes_count = (uint32_t) ext4_inodes_for(n_blocks);
        code = ext2fs_initialize(
                ext4_scratch_name(ext4->scratch, name), EXT2_FLAG_64BITS | EXT2_FLAG_EXCLUSIVE,
                &param, ext4_scratch_io, &ext4->fs);
        if (code != 0)
                return ext4_error(ext4, code, "Cannot create a file system", error);

        r = set_super(ext4, options->label, error);
        if (r < 0)
                return r;

        code = ext2fs_allocate_tables(ext4->fs);
        if (code == 0) {
                set_groups(ext4->fs);
                code = make_reserved(ext4->fs);
        }
        if (code != 0)
                return ext4_error(ext4, code, "Cannot create a file system", error);
        r = make_root(ext4, error);
        ext4->free_at_first = ext2fs_free_blocks_count(ext4->fs->super);
        return r;
}
