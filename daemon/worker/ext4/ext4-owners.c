/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ext4-internal.h"

static void set_owner(struct ext2_inode_large *large, uint32_t uid, uint32_t gid) {
        large->i_uid = (uint16_t) uid;
        large->i_uid_high = (uint16_t) (uid >> 16);
        large->i_gid = (uint16_t) gid;
        large->i_gid_high = (uint16_t) (gid >> 16);
}

static int map_inode(Ext4 *ext4, uint32_t ino, const IdMap *uids, const IdMap *gids, Error *error) {
        uint32_t uid, gid;
        Ext4Inode inode;
        int r;

        r = ext4_inode_read(ext4, ino, &inode, error);
        if (r < 0)
                return r;

        uid = idmap_apply(uids, inode_uid(inode.large));
        gid = idmap_apply(gids, inode_gid(inode.large));
        if (inode_uid(inode.large) != uid || inode_gid(inode.large) != gid) {
                set_owner(&inode.large, uid, gid);
                r = ext4_inode_write(ext4, ino, &inode, error);
                if (r < 0)
                        return r;
        }
        return ext4_xattr_map(ext4, ino, &inode, uids, gids, error);
}

int ext4_map_owners(Ext4 *ext4, const IdMap *uids, const IdMap *gids, Error *error) {
        const uint32_t last = ext4->fs->super->s_inodes_count;
        uint32_t at = EXT2_FIRST_INODE(ext4->fs->super);
        ext2_ino_t ino;
        int r;

        r = ext4_dirs_flush(ext4, error);
        if (r < 0)
                return r;
        ext4_dirs_done(ext4);

        r = map_inode(ext4, EXT2_ROOT_INO, uids, gids, error);
        while (r >= 0 && at <= last &&
               ext2fs_find_first_set_inode_bitmap2(ext4->fs->inode_map, at, last, &ino) == 0) {
                r = map_inode(ext4, ino, uids, gids, error);
                at = ino + 1;
        }
        return r < 0 ? r : 0;
}
