/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <et/com_err.h>
#include <inttypes.h>

#include "ext4-internal.h"

#define ERRNO_MAX 255 /* tables of other errors begin after it: com_err(3) */

int ext4_full(Ext4 *ext4, Ext4Lack lack, Error *error) {
        const uint64_t size = ext2fs_blocks_count(ext4->fs->super) * DISK_BLOCK_BYTES;

        ext4->lack = lack;
        return error_set(
                error, ENOSPC, ERROR_NO_SPACE, "The file system of %" PRIu64 " bytes %s", size,
                lack == EXT4_LACKS_INODES ? "has no inodes left for more files" : "is full");
}

void ext4_note_use(Ext4 *ext4, uint64_t blocks, uint64_t inodes) {
        const struct ext2_super_block *super = ext4->fs->super;
        const uint64_t free_blocks = ext2fs_free_blocks_count(ext4->fs->super);

        ext4->taken.blocks += blocks;
        ext4->taken.inodes += inodes;
        if (free_blocks < ext4->least_free.blocks)
                ext4->least_free.blocks = free_blocks;
        if (super->s_free_inodes_count < ext4->least_free.inodes)
                ext4->least_free.inodes = super->s_free_inodes_count;
}

int ext4_error(Ext4 *ext4, errcode_t code, const char *what, Error *error) {
        Error cause = ERROR_NULL;

        if (ext4_scratch_take_error(ext4->scratch, &cause)) {
                error_move(error, &cause);
                return error_prefix(error, "%s", what);
        }
        if (code == EXT2_ET_BLOCK_ALLOC_FAIL && ext4->fs)
                return ext4_full(ext4, EXT4_LACKS_BLOCKS, error);
        if (code == EXT2_ET_INODE_ALLOC_FAIL && ext4->fs)
                return ext4_full(ext4, EXT4_LACKS_INODES, error);
        if (code == EXT2_ET_NO_MEMORY || code == ENOMEM)
                return error_oom(error);
        if (code > 0 && code <= ERRNO_MAX)
                return error_set_errno(error, (int) code, "%s", what);
        return error_set(error, EIO, ERROR_FAILED, "%s: %s", what, error_message(code));
}

int ext4_device(Ext4 *ext4, Error *error) {
        Ext4Device *device = NULL;
        int r;

        if (ext4->device)
                return 0;

        r = ext4->options.next_device(ext4->options.userdata, &device, error);
        if (r < 0)
                return r;

        ext4->device = device;
        return 0;
}
