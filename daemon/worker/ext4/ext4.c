/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <et/com_err.h>
#include <inttypes.h>
#include <time.h>

#include "ext4-internal.h"

/* Blocks to read before their number is known: the descriptors of the largest file system. */
#define HEAD_BLOCKS UINT64_C(8192)

static int read_device(void *userdata, uint64_t offset, void *data, size_t size, Error *error) {
        Ext4 *ext4 = userdata;
        int r;

        r = ext4_device(ext4, error);
        return r < 0 ? r : ext4_device_read(ext4->device, offset, data, size, error);
}

static int new_ext4(
        const Ext4Options *options,
        uint64_t n_blocks,
        bool reads_device,
        Ext4 **ret,
        Error *error) {
        Ext4ScratchOptions scratch = {
                .fd = options->scratch_fd,
                .n_blocks = n_blocks,
                .read = reads_device ? read_device : NULL,
        };
        _cleanup_(ext4_freep) Ext4 *ext4 = NULL;
        int r;

        ext4 = calloc(1, sizeof(*ext4));
        if (!ext4)
                return error_oom(error);

        initialize_ext2_error_table();
        ext4->target.ops = &ext4_target_ops;
        ext4->dirs.limit = DIRS_BYTES_MAX;
        ext4->now = time(NULL);
        ext4->options = *options;
        ext4->options.label = NULL;
        scratch.userdata = ext4;
        r = ext4_scratch_new(&scratch, &ext4->scratch, error);
        if (r >= 0)
                r = ext4_device(ext4, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(ext4);
        return 0;
}

/* New blocks and inodes are placed after existing ones. */
static int start(Ext4 *ext4, Error *error) {
        ext4->block_cursor = ext4->fs->super->s_first_data_block;
        ext4->inode_cursor = EXT2_FIRST_INODE(ext4->fs->super);
        ext4->least_free = (Ext4Amount){
                .blocks = ext2fs_free_blocks_count(ext4->fs->super),
                .inodes = ext4->fs->super->s_free_inodes_count,
        };
        ext4->taken = (Ext4Amount){ 0 };
        ext4->fs->now = 0;
        return ext4_blocks_init(ext4, error);
}

int ext4_new(const Ext4Options *options, Ext4 **ret, Error *error) {
        _cleanup_(ext4_freep) Ext4 *ext4 = NULL;
        int r;

        assert(options->size % DISK_BLOCK_BYTES == 0);

        if (options->size < DISK_SIZE_MIN || options->size > DISK_SIZE_MAX)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "A file system of %" PRIu64 " bytes is not supported", options->size);

        r = new_ext4(options, options->size / DISK_BLOCK_BYTES, false, &ext4, error);
        if (r >= 0)
                r = ext4_format(ext4, options, error);
        if (r >= 0)
                r = start(ext4, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(ext4);
        return 0;
}

static bool can_open(struct ext2_super_block *super) {
        return super->s_log_block_size == 2 && super->s_inode_size == INODE_BYTES &&
               ext2fs_has_feature_extents(super) && ext2fs_has_feature_filetype(super) &&
               ext2fs_has_feature_dir_index(super) && ext2fs_has_feature_metadata_csum(super) &&
               !ext2fs_has_feature_journal_needs_recovery(super) &&
               !ext2fs_has_feature_inline_data(super) && !ext2fs_has_feature_encrypt(super) &&
               !ext2fs_has_feature_casefold(super) && !ext2fs_has_feature_bigalloc(super) &&
               !ext2fs_has_feature_ea_inode(super);
}

/* Opens the file system on the device, with additional EXT2_FLAG_…. */
static int open_device(const Ext4Options *options, int flags, Ext4 **ret, Error *error) {
        _cleanup_(ext4_freep) Ext4 *ext4 = NULL;
        char name[EXT4_SCRATCH_NAME_MAX];
        errcode_t code;
        int r;

        r = new_ext4(options, HEAD_BLOCKS, true, &ext4, error);
        if (r < 0)
                return r;

        code = ext2fs_open2(
                ext4_scratch_name(ext4->scratch, name), NULL,
                EXT2_FLAG_RW | EXT2_FLAG_64BITS | flags, 0, 0, ext4_scratch_io, &ext4->fs);
        if (code != 0)
                return ext4_error(ext4, code, "Cannot open the file system", error);
        if (!can_open(ext4->fs->super))
                return error_set(
                        error, EINVAL, ERROR_FAILED,
                        "This file system cannot be modified (unsupported features)");

        *ret = TAKE_PTR(ext4);
        return 0;
}

int ext4_open(const Ext4Options *options, Ext4 **ret, Error *error) {
        _cleanup_(ext4_freep) Ext4 *ext4 = NULL;
        errcode_t code;
        int r;

        r = open_device(options, 0, &ext4, error);
        if (r < 0)
                return r;

        r = ext4_scratch_resize(ext4->scratch, ext2fs_blocks_count(ext4->fs->super), error);
        if (r < 0)
                return r;
        code = ext2fs_read_bitmaps(ext4->fs);
        if (code != 0)
                return ext4_error(ext4, code, "Cannot open the file system", error);
        r = start(ext4, error);
        if (r < 0)
                return r;

        ext4->free_at_first = ext2fs_blocks_count(ext4->fs->super);
        ext4->fs->flags |= EXT2_FLAG_MASTER_SB_ONLY;
        *ret = TAKE_PTR(ext4);
        return 0;
}

int ext4_identify(const Ext4Options *options, Error *error) {
        _cleanup_(ext4_freep) Ext4 *ext4 = NULL;
        errcode_t code;
        int r;

        r = open_device(options, EXT2_FLAG_SUPER_ONLY, &ext4, error);
        if (r >= 0)
                r = ext4_set_identity(ext4, options->label, error);
        if (r < 0)
                return r;

        code = ext2fs_flush2(ext4->fs, EXT2_FLAG_FLUSH_NO_SYNC);
        if (code != 0)
                return ext4_error(ext4, code, "Cannot write the super block", error);
        r = ext4_scratch_write_out(ext4->scratch, ext4->device, error);
        return r < 0 ? r : ext4_device_flush(ext4->device, error);
}

Ext4 *ext4_free(Ext4 *ext4) {
        if (!ext4)
                return NULL;

        ext4_output_done(ext4);
        ext4_extents_done(&ext4->content.extents);
        ext4_dirs_done(ext4);
        if (ext4->freed)
                ext2fs_free_block_bitmap(ext4->freed);
        if (ext4->fs)
                ext2fs_free(ext4->fs);
        ext4_scratch_free(ext4->scratch);
        free(ext4);
        return NULL;
}

UnpackTarget *ext4_target(Ext4 *ext4) {
        return &ext4->target;
}

/* Whether @need, and an eighth more, fits into a file system of @n_blocks blocks. */
static bool has_room(uint64_t n_blocks, const Ext4Amount *need) {
        return ext4_overhead(n_blocks) + need->blocks + need->blocks / 8 <= n_blocks &&
               need->inodes + need->inodes / 8 <= ext4_inodes_for(n_blocks);
}

uint64_t ext4_size_for(const Ext4 *ext4, uint64_t done, uint64_t rest) {
        const uint64_t unwritten = ext4_dirs_unwritten(ext4);
        const uint64_t step = (UINT64_C(1) << 20) / DISK_BLOCK_BYTES;
        const uint64_t limit = DISK_SIZE_MAX / DISK_BLOCK_BYTES;
        Ext4Amount need = {
                .blocks = ext4->free_at_first - ext4->least_free.blocks + unwritten,
                .inodes = ext4->fs->super->s_inodes_count - ext4->least_free.inodes,
        };
        uint64_t size = DISK_SIZE_MIN / DISK_BLOCK_BYTES;

        if (rest > 0) {
                /* An eighth more: the rest may be of another kind. */
                const double share = (double) rest / (double) done * 9 / 8;
                const double blocks = (double) (ext4->taken.blocks + unwritten) * share;
                const double inodes = (double) ext4->taken.inodes * share;

                if (done == 0 || blocks > (double) limit || inodes > (double) limit)
                        return 0;
                need.blocks += (uint64_t) blocks;
                need.inodes += (uint64_t) inodes;
        }

        while (!has_room(size, &need))
                size += size / 16 > step ? size / 16 / step * step : step;
        return size <= limit ? size * DISK_BLOCK_BYTES : 0;
}

Ext4Lack ext4_lack(const Ext4 *ext4) {
        return ext4->lack;
}
