/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "ext4-internal.h"

int ext4_random(void *ret, size_t size, Error *error) {
        const ssize_t n = getrandom(ret, size, 0);

        return n == (ssize_t) size
                       ? 0
                       : error_set_errno(error, n < 0 ? errno : EIO, "Cannot get random bytes");
}

static size_t label_size(const char *label) {
        size_t n = strnlen(label, EXT4_LABEL_MAX);

        /* Do not cut within a UTF-8 character. */
        while (n > 0 && label[n] != '\0' && ((uint8_t) label[n] & 0xc0) == 0x80)
                n--;
        return n;
}

int ext4_identity_init(struct ext2_super_block *super, const char *label, Error *error) {
        uint8_t uuid[sizeof(super->s_uuid)];
        int r;

        static_assert(sizeof(super->s_volume_name) == EXT4_LABEL_MAX, "the label's field");

        r = ext4_random(uuid, sizeof(uuid), error);
        if (r < 0)
                return r;
        uuid[6] = (uint8_t) ((uuid[6] & 0x0f) | 0x40);
        uuid[8] = (uint8_t) ((uuid[8] & 0x3f) | 0x80);

        memcpy(super->s_uuid, uuid, sizeof(uuid));
        memset(super->s_volume_name, 0, sizeof(super->s_volume_name));
        if (label)
                memcpy(super->s_volume_name, label, label_size(label));
        return 0;
}

int ext4_set_identity(Ext4 *ext4, const char *label, Error *error) {
        struct ext2_super_block *super = ext4->fs->super;
        int r;

        /* All checksums are seeded with the original UUID, which is recorded for them. */
        if (!ext2fs_has_feature_csum_seed(super)) {
                ext2fs_init_csum_seed(ext4->fs);
                super->s_checksum_seed = ext4->fs->csum_seed;
                ext2fs_set_feature_csum_seed(super);
        }

        r = ext4_identity_init(super, label, error);
        if (r >= 0)
                ext2fs_mark_super_dirty(ext4->fs);
        return r;
}
