/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ext4-internal.h"

#define FILE_SIZE_MAX (FILE_BLOCKS_MAX * DISK_BLOCK_BYTES)

void ext4_content_begin(Ext4 *ext4, uint32_t ino) {
        Ext4Content *content = &ext4->content;

        content->extents.n = 0;
        content->ino = ino;
        content->end = 0;
        content->next_block = 0;
}

/* Adds up to @want new blocks to the file, from @logical on: returns their number, and the memory to fill. */
static int extend(
        Ext4 *ext4, uint64_t logical, uint64_t want, uint8_t **ret, uint64_t *ret_n, Error *error) {
        Ext4Content *content = &ext4->content;
        uint64_t block, n;
        uint8_t *first;
        int r;

        r = ext4_blocks_allocate(ext4, want, &block, &n, error);
        if (r >= 0)
                r = ext4_output_add(ext4, block, n, &first, error);
        if (r >= 0)
                r = ext4_extents_add(
                        &content->extents, &(Ext4Extent){ block, (uint32_t) logical, (uint32_t) n },
                        error);
        if (r < 0)
                return r;

        /* Zero the unwritten parts of the first and the last block. */
        memset(first, 0, BLOCK_BYTES);
        memset(first + (n - 1) * BLOCK_BYTES, 0, BLOCK_BYTES);
        content->next_block = logical + n;
        *ret = first;
        *ret_n = n;
        return 0;
}

/* Writes up to @size bytes: returns their number. */
static ssize_t write_some(
        Ext4 *ext4, uint64_t offset, const uint8_t *data, size_t size, Error *error) {
        const uint64_t logical = offset / BLOCK_BYTES;
        const size_t in_block = (size_t) (offset % BLOCK_BYTES);
        uint64_t n = 1;
        uint8_t *to;
        size_t part;
        int r;

        if (logical + 1 != ext4->content.next_block) {
                r =
                        extend(ext4, logical, (in_block + size + BLOCK_BYTES - 1) / BLOCK_BYTES,
                               &to, &n, error);
                if (r < 0)
                        return r;
        } else {
                to = ext4_output_last(ext4);
        }

        part = (size_t) n * BLOCK_BYTES - in_block;
        if (part > size)
                part = size;
        memcpy(to + in_block, data, part);
        return (ssize_t) part;
}

static int too_large(uint64_t size, Error *error) {
        return error_set(
                error, EFBIG, ERROR_FAILED,
                "A file of %" PRIu64 " bytes is too large for the file system", size);
}

int ext4_content_write(Ext4 *ext4, uint64_t offset, const void *data, size_t size, Error *error) {
        const uint8_t *p = data;

        if (offset > FILE_SIZE_MAX || size > FILE_SIZE_MAX - offset)
                return too_large(offset, error);
        if (offset < ext4->content.end)
                return error_set(
                        error, EINVAL, ERROR_CORRUPT_ARCHIVE,
                        "The parts of a sparse file are not in order");

        ext4->content.end = offset + size;
        while (size > 0) {
                const ssize_t n = write_some(ext4, offset, p, size, error);

                if (n < 0)
                        return (int) n;
                offset += (uint64_t) n;
                size -= (size_t) n;
                p += n;
        }
        return 0;
}

int ext4_content_end(Ext4 *ext4, Ext4Inode *inode, uint64_t size, Error *error) {
        Ext4Content *content = &ext4->content;
        uint64_t n_blocks;
        int r;

        if (size > FILE_SIZE_MAX)
                return too_large(size, error);

        ext4_inode_set_size(inode, size > content->end ? size : content->end);
        r = ext4_extents_store(ext4, content->ino, inode, &content->extents, &n_blocks, error);
        if (r >= 0)
                ext4_inode_set_blocks(ext4, inode, n_blocks);
        content->ino = 0;
        content->extents.n = 0;
        return r;
}

ssize_t ext4_content_read(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, void *data, size_t size, Error *error) {
        _cleanup_(ext4_extents_done) Ext4Extents extents = { 0 };
        const uint64_t file_size = ext4_inode_size(inode);
        int r;

        if (size > file_size)
                size = (size_t) file_size;

        r = ext4_device(ext4, error);
        if (r >= 0)
                r = ext4_output_flush(ext4, error);
        if (r >= 0)
                r = ext4_extents_load(ext4, ino, inode, &extents, NULL, error);
        if (r < 0)
                return r;

        memset(data, 0, size);
        for (size_t i = 0; i < extents.n; i++) {
                const Ext4Extent *extent = &extents.extents[i];
                const uint64_t start = extent->logical * DISK_BLOCK_BYTES;
                uint64_t n = extent->n * DISK_BLOCK_BYTES;

                if (start >= size)
                        break;
                if (n > size - start)
                        n = size - start;
                r = ext4_device_read(
                        ext4->device, extent->physical * DISK_BLOCK_BYTES, (uint8_t *) data + start,
                        (size_t) n, error);
                if (r < 0)
                        return r;
        }
        return (ssize_t) size;
}

ssize_t ext4_content_read_link(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, char *data, size_t size, Error *error) {
        const uint64_t link_size = ext4_inode_size(inode);

        if (inode->large.i_flags & EXT4_EXTENTS_FL)
                return ext4_content_read(ext4, ino, inode, data, size, error);

        if (link_size > FAST_LINK_MAX)
                return error_set(
                        error, EUCLEAN, ERROR_FAILED, "Inode %u of the file system is invalid",
                        ino);
        if (size > link_size)
                size = (size_t) link_size;
        memcpy(data, inode->large.i_block, size);
        return (ssize_t) size;
}
