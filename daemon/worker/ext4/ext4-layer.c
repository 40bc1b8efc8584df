/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <time.h>

#include "ext4-internal.h"

/* Writes all metadata to the scratch file. */
static int flush_metadata(Ext4 *ext4, Error *error) {
        errcode_t code;
        int r;

        r = ext4_dirs_flush(ext4, error);
        if (r < 0)
                return r;

        code = ext2fs_write_bitmaps(ext4->fs);
        if (code == 0)
                code = ext2fs_flush2(ext4->fs, EXT2_FLAG_FLUSH_NO_SYNC);
        if (code != 0)
                return ext4_error(ext4, code, "Cannot write metadata", error);

        /* The backups of the super block need no update. */
        ext4->fs->flags |= EXT2_FLAG_MASTER_SB_ONLY;
        return 0;
}

int ext4_end_layer(Ext4 *ext4, Error *error) {
        int r;

        r = ext4_device(ext4, error);
        if (r >= 0)
                r = ext4_output_flush(ext4, error);
        if (r >= 0)
                r = flush_metadata(ext4, error);
        if (r >= 0)
                r = ext4_scratch_write_out(ext4->scratch, ext4->device, error);
        if (r >= 0)
                r = ext4_blocks_trim(ext4, error);
        if (r >= 0)
                r = ext4_device_flush(ext4->device, error);
        if (r >= 0 && ext4->options.layer_done)
                r = ext4->options.layer_done(ext4->options.userdata, error);
        if (r < 0)
                return r;

        ext4->device = NULL;
        ext4->now = time(NULL);
        return 0;
}
