/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "ext4-internal.h"

/* The range of seconds in 32 bits and the two bits of the epoch. */
#define SECONDS_MIN INT64_C(-0x80000000)
#define SECONDS_MAX ((INT64_C(3) << 32) + INT64_C(0x7fffffff))

#define EXTRA_BYTES (sizeof(struct ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE)

static const struct {
        uint16_t mode;
        uint8_t name;
} types[_UNPACK_TYPE_MAX] = {
        [UNPACK_REGULAR] = { S_IFREG, EXT2_FT_REG_FILE },
        [UNPACK_DIRECTORY] = { S_IFDIR, EXT2_FT_DIR },
        [UNPACK_SYMLINK] = { S_IFLNK, EXT2_FT_SYMLINK },
        [UNPACK_CHARACTER_DEVICE] = { S_IFCHR, EXT2_FT_CHRDEV },
        [UNPACK_BLOCK_DEVICE] = { S_IFBLK, EXT2_FT_BLKDEV },
        [UNPACK_FIFO] = { S_IFIFO, EXT2_FT_FIFO },
        [UNPACK_SOCKET] = { S_IFSOCK, EXT2_FT_SOCK },
};

UnpackType ext4_type_from_name(uint8_t type) {
        for (size_t i = 0; i < _UNPACK_TYPE_MAX; i++)
                if (types[i].name == type)
                        return (UnpackType) i;
        return UNPACK_REGULAR;
}

uint8_t ext4_type_to_name(UnpackType type) {
        return types[type].name;
}

int ext4_inode_allocate(Ext4 *ext4, bool is_dir, uint32_t *ret, Error *error) {
        ext2_filsys fs = ext4->fs;
        const uint32_t first = EXT2_FIRST_INODE(fs->super), last = fs->super->s_inodes_count;
        errcode_t code = ENOENT;
        ext2_ino_t ino = 0;

        if (ext4->inode_cursor <= last)
                code = ext2fs_find_first_zero_inode_bitmap2(
                        fs->inode_map, ext4->inode_cursor, last, &ino);
        if (code != 0)
                code = ext2fs_find_first_zero_inode_bitmap2(fs->inode_map, first, last, &ino);
        if (code != 0)
                return ext4_full(ext4, EXT4_LACKS_INODES, error);

        ext2fs_inode_alloc_stats2(fs, ino, +1, is_dir);
        ext4_note_use(ext4, 0, 1);
        ext4->inode_cursor = ino + 1;
        *ret = ino;
        return 0;
}

int ext4_inode_read(Ext4 *ext4, uint32_t ino, Ext4Inode *ret, Error *error) {
        const errcode_t code =
                ext2fs_read_inode_full(ext4->fs, ino, &ret->small, (int) sizeof(*ret));

        return code == 0 ? 0 : ext4_error(ext4, code, "Cannot read an inode", error);
}

int ext4_inode_write(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, Error *error) {
        const errcode_t code =
                ext2fs_write_inode_full(ext4->fs, ino, &inode->small, (int) sizeof(*inode));

        return code == 0 ? 0 : ext4_error(ext4, code, "Cannot write an inode", error);
}

static uint32_t encode_time(const struct timespec *time, uint32_t *ret_extra) {
        int64_t seconds = time->tv_sec;
        uint32_t nsec = (uint32_t) time->tv_nsec;

        if (seconds < SECONDS_MIN || seconds > SECONDS_MAX) {
                seconds = seconds < 0 ? SECONDS_MIN : SECONDS_MAX;
                nsec = 0;
        }

        *ret_extra = nsec << EXT4_EPOCH_BITS |
                     (uint32_t) ((seconds - (int32_t) seconds) >> 32 & EXT4_EPOCH_MASK);
        return (uint32_t) seconds;
}

static struct timespec decode_time(uint32_t seconds, uint32_t extra) {
        return (struct timespec){
                .tv_sec = (int32_t) seconds + ((int64_t) (extra & EXT4_EPOCH_MASK) << 32),
                .tv_nsec = extra >> EXT4_EPOCH_BITS,
        };
}

void ext4_inode_set_times(
        Ext4Inode *inode, const struct timespec *atime, const struct timespec *mtime) {
        struct ext2_inode_large *large = &inode->large;

        large->i_atime = encode_time(atime, &large->i_atime_extra);
        large->i_mtime = encode_time(mtime, &large->i_mtime_extra);
}

/* The kernel's two ways to write a device number: 8 bits each, or 12 and 20. */
static void set_device(struct ext2_inode_large *large, uint32_t major, uint32_t minor) {
        if (major <= 0xff && minor <= 0xff)
                large->i_block[0] = major << 8 | minor;
        else
                large->i_block[1] = (minor & 0xff) | major << 8 | (minor & ~UINT32_C(0xff)) << 12;
}

static void get_device(const struct ext2_inode_large *large, UnpackMeta *ret) {
        const uint32_t device = large->i_block[0] != 0 ? large->i_block[0] : large->i_block[1];

        ret->device_major = large->i_block[0] != 0 ? device >> 8 & 0xff : device >> 8 & 0xfff;
        ret->device_minor = device & 0xff;
        if (large->i_block[0] == 0)
                ret->device_minor |= device >> 12 & 0xfff00;
}

void ext4_inode_set(const Ext4 *ext4, Ext4Inode *inode, const UnpackMeta *meta) {
        struct ext2_inode_large *large = &inode->large;
        const struct timespec now = { .tv_sec = ext4->now };

        large->i_mode = (uint16_t) (types[meta->type].mode | (meta->mode & 07777));
        large->i_uid = (uint16_t) meta->uid;
        large->i_uid_high = (uint16_t) (meta->uid >> 16);
        large->i_gid = (uint16_t) meta->gid;
        large->i_gid_high = (uint16_t) (meta->gid >> 16);
        large->i_ctime = encode_time(&now, &large->i_ctime_extra);
        ext4_inode_set_times(inode, &meta->atime, &meta->mtime);
}

void ext4_inode_init(const Ext4 *ext4, Ext4Inode *inode, const UnpackMeta *meta) {
        *inode = (Ext4Inode){ .large.i_links_count = 1, .large.i_extra_isize = EXTRA_BYTES };
        ext4_inode_set(ext4, inode, meta);
        if (meta->type == UNPACK_SYMLINK)
                inode->large.i_mode = S_IFLNK | 0777;
        inode->large.i_crtime = inode->large.i_ctime;
        inode->large.i_crtime_extra = inode->large.i_ctime_extra;
        if (meta->type == UNPACK_CHARACTER_DEVICE || meta->type == UNPACK_BLOCK_DEVICE)
                set_device(&inode->large, meta->device_major, meta->device_minor);
}

static UnpackType type_of(const Ext4Inode *inode) {
        for (size_t i = 0; i < _UNPACK_TYPE_MAX; i++)
                if (types[i].mode == (inode->large.i_mode & S_IFMT))
                        return (UnpackType) i;
        return UNPACK_REGULAR;
}

void ext4_inode_info(uint32_t ino, const Ext4Inode *inode, UnpackInfo *ret) {
        const struct ext2_inode_large *large = &inode->large;

        *ret = (UnpackInfo){
                .type = type_of(inode),
                .mode = large->i_mode & 07777u,
                .inode = ino,
                .atime = decode_time(large->i_atime, large->i_atime_extra),
                .mtime = decode_time(large->i_mtime, large->i_mtime_extra),
        };
}

void ext4_inode_meta(const Ext4Inode *inode, UnpackMeta *ret) {
        const struct ext2_inode_large *large = &inode->large;

        *ret = (UnpackMeta){
                .type = type_of(inode),
                .mode = large->i_mode & 07777u,
                .uid = inode_uid(*large),
                .gid = inode_gid(*large),
                .atime = decode_time(large->i_atime, large->i_atime_extra),
                .mtime = decode_time(large->i_mtime, large->i_mtime_extra),
        };
        if (ret->type == UNPACK_REGULAR)
                ret->size = ext4_inode_size(inode);
        if (ret->type == UNPACK_CHARACTER_DEVICE || ret->type == UNPACK_BLOCK_DEVICE)
                get_device(large, ret);
}

uint64_t ext4_inode_size(const Ext4Inode *inode) {
        return (uint64_t) inode->large.i_size_high << 32 | inode->large.i_size;
}

void ext4_inode_set_size(Ext4Inode *inode, uint64_t size) {
        inode->large.i_size = (uint32_t) size;
        inode->large.i_size_high = (uint32_t) (size >> 32);
}

void ext4_inode_set_blocks(const Ext4 *ext4, Ext4Inode *inode, uint64_t n) {
        n += ext2fs_file_acl_block(ext4->fs, &inode->small) != 0;
        inode->large.i_blocks = (uint32_t) (n * SECTORS_A_BLOCK);
        inode->large.osd2.linux2.l_i_blocks_hi = (uint16_t) (n * SECTORS_A_BLOCK >> 32);
}
