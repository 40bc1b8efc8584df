/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "ext4-internal.h"

/* Blocks per call of libext2fs that frees, at most. */
#define RUN_MAX (UINT64_C(1) << 30)

/* Called for each block that libext2fs frees, or allocates, which then already has its metadata. Blocks freed as
 * a range are not reported: they are written again, needlessly, and not trimmed. */
static void on_block(ext2_filsys fs, blk64_t block, int change) {
        Ext4 *ext4 = fs->priv_data;

        if (change > 0) {
                ext4_note_use(ext4, 1, 0);
                return;
        }
        ext4_scratch_forget(ext4->scratch, block, 1);
        (void) ext2fs_mark_block_bitmap2(ext4->freed, block);
}

/* From @start to @end. */
static errcode_t find(
        ext2_filsys fs,
        uint64_t start,
        uint64_t end,
        uint64_t want,
        blk64_t *ret,
        uint64_t *ret_n) {
        blk64_t first, used;
        errcode_t code;

        code = ext2fs_find_first_zero_block_bitmap2(fs->block_map, start, end, &first);
        if (code != 0)
                return code;

        if (want > end - first + 1)
                want = end - first + 1;
        if (want > 1 &&
            ext2fs_find_first_set_block_bitmap2(fs->block_map, first, first + want - 1, &used) == 0)
                want = used - first;
        *ret = first;
        *ret_n = want;
        return 0;
}

/* Finds the next free blocks; recently freed ones last, and only when the device is done with them. */
static int find_next(Ext4 *ext4, uint64_t want, blk64_t *ret, uint64_t *ret_n, Error *error) {
        ext2_filsys fs = ext4->fs;
        const uint64_t last = ext2fs_blocks_count(fs->super) - 1;
        const uint64_t first = fs->super->s_first_data_block;
        int r;

        if (ext4->block_cursor <= last && find(fs, ext4->block_cursor, last, want, ret, ret_n) == 0)
                return 0;
        if (ext2fs_free_blocks_count(fs->super) == 0)
                return ext4_full(ext4, EXT4_LACKS_BLOCKS, error);

        if (ext4->device) {
                r = ext4_output_flush(ext4, error);
                if (r >= 0)
                        r = ext4_device_flush(ext4->device, error);
                if (r < 0)
                        return r;
        }
        return find(fs, first, last, want, ret, ret_n) == 0
                       ? 0
                       : ext4_full(ext4, EXT4_LACKS_BLOCKS, error);
}

int ext4_blocks_allocate(Ext4 *ext4, uint64_t want, uint64_t *ret, uint64_t *ret_n, Error *error) {
        blk64_t block = 0;
        uint64_t n = 0;
        int r;

        r = find_next(ext4, want < WINDOW_BLOCKS ? want : WINDOW_BLOCKS, &block, &n, error);
        if (r < 0)
                return r;
        if (n > WINDOW_BLOCKS - block % WINDOW_BLOCKS)
                n = WINDOW_BLOCKS - block % WINDOW_BLOCKS;

        /* Stale metadata must not overwrite content on the device. */
        ext4_scratch_forget(ext4->scratch, block, n);
        ext2fs_block_alloc_stats_range(ext4->fs, block, (blk_t) n, +1);
        ext4_note_use(ext4, n, 0);
        ext4->block_cursor = block + n;
        *ret = block;
        *ret_n = n;
        return 0;
}

void ext4_blocks_free(Ext4 *ext4, uint64_t block, uint64_t n) {
        ext4_scratch_forget(ext4->scratch, block, n);
        while (n > 0) {
                const uint64_t part = n < RUN_MAX ? n : RUN_MAX;

                ext2fs_mark_block_bitmap_range2(ext4->freed, block, (blk_t) part);
                ext2fs_block_alloc_stats_range(ext4->fs, block, (blk_t) part, -1);
                block += part;
                n -= part;
        }
}

/* A block for libext2fs, which takes it itself. */
static errcode_t on_allocate(ext2_filsys fs, blk64_t goal, blk64_t *ret) {
        Ext4 *ext4 = fs->priv_data;
        blk64_t block = 0;
        uint64_t n = 0;

        if (find_next(ext4, 1, &block, &n, NULL) < 0)
                return EXT2_ET_BLOCK_ALLOC_FAIL;

        ext4->block_cursor = block + 1;
        *ret = block;
        return 0;
}

int ext4_blocks_init(Ext4 *ext4, Error *error) {
        ext2_filsys fs = ext4->fs;
        errcode_t code;

        code = ext2fs_allocate_block_bitmap(fs, "freed blocks", &ext4->freed);
        if (code != 0)
                return ext4_error(ext4, code, "Cannot keep track of blocks", error);

        fs->priv_data = ext4;
        ext2fs_set_alloc_block_callback(fs, on_allocate, NULL);
        ext2fs_set_block_alloc_stats_callback(fs, on_block, NULL);
        return 0;
}

/* The parts of a range that are still free. */
static int trim_range(Ext4 *ext4, uint64_t start, uint64_t end, Error *error) {
        blk64_t first;

        while (start <= end &&
               ext2fs_find_first_zero_block_bitmap2(ext4->fs->block_map, start, end, &first) == 0) {
                blk64_t used;
                int r;

                if (ext2fs_find_first_set_block_bitmap2(ext4->fs->block_map, first, end, &used) !=
                    0)
                        used = end + 1;
                r = ext4_device_trim(
                        ext4->device, first * DISK_BLOCK_BYTES, (used - first) * DISK_BLOCK_BYTES,
                        error);
                if (r < 0)
                        return r;
                start = used;
        }
        return 0;
}

int ext4_blocks_trim(Ext4 *ext4, Error *error) {
        const uint64_t last = ext2fs_blocks_count(ext4->fs->super) - 1;
        uint64_t at = ext4->fs->super->s_first_data_block;
        blk64_t first;

        while (at <= last &&
               ext2fs_find_first_set_block_bitmap2(ext4->freed, at, last, &first) == 0) {
                blk64_t end;
                int r;

                if (ext2fs_find_first_zero_block_bitmap2(ext4->freed, first, last, &end) != 0)
                        end = last + 1;
                r = trim_range(ext4, first, end - 1, error);
                if (r < 0)
                        return r;
                at = end;
        }

        ext2fs_clear_block_bitmap(ext4->freed);
        return 0;
}
