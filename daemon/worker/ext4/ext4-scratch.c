/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base-fd.h"
#include "ext4-scratch.h"
#include "ext4.h"

#define BLOCK        ((size_t) DISK_BLOCK_BYTES)
#define CACHE_BLOCKS ((size_t) 256) /* a power of two */
#define CHUNK_BLOCKS ((size_t) 512)

/* Of a block: its place in the file, plus one; 0 if it has none. */
#define SLOT_NUMBER  UINT32_C(0x3fffffff)
#define SLOT_CHANGED UINT32_C(0x40000000) /* differs from the device */
#define SLOT_PRESENT UINT32_C(0x80000000) /* the file has its content */

typedef struct Chunk {
        uint32_t slots[CHUNK_BLOCKS];
} Chunk;

typedef struct Cached {
        uint64_t block;
        bool valid;
        bool newer; /* than the file's */
        uint8_t *data;
} Cached;

struct Ext4Scratch {
        int fd; /* borrowed */
        int (*read)(void *userdata, uint64_t offset, void *data, size_t size, Error *error);
        void *userdata; /* borrowed */
        Chunk **chunks; /* owned; NULL where empty */
        size_t n_chunks;
        uint32_t n_slots;
        Cached cache[CACHE_BLOCKS]; /* a block has one place */
        uint8_t *cache_data;        /* owned */
        Error error;
};

int ext4_scratch_new(const Ext4ScratchOptions *options, Ext4Scratch **ret, Error *error) {
        _cleanup_(ext4_scratch_freep) Ext4Scratch *scratch = NULL;
        int r;

        scratch = calloc(1, sizeof(*scratch));
        if (!scratch)
                return error_oom(error);

        scratch->fd = options->fd;
        scratch->read = options->read;
        scratch->userdata = options->userdata;
        scratch->cache_data = malloc(CACHE_BLOCKS * BLOCK);
        if (!scratch->cache_data)
                return error_oom(error);
        for (size_t i = 0; i < CACHE_BLOCKS; i++)
                scratch->cache[i].data = scratch->cache_data + i * BLOCK;

        r = ext4_scratch_resize(scratch, options->n_blocks, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(scratch);
        return 0;
}

Ext4Scratch *ext4_scratch_free(Ext4Scratch *scratch) {
        if (!scratch)
                return NULL;

        for (size_t i = 0; i < scratch->n_chunks; i++)
                free(scratch->chunks[i]);
        free(scratch->chunks);
        free(scratch->cache_data);
        error_clear(&scratch->error);
        free(scratch);
        return NULL;
}

int ext4_scratch_resize(Ext4Scratch *scratch, uint64_t n_blocks, Error *error) {
        const size_t n_chunks = (size_t) ((n_blocks + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS);
        Chunk **chunks;

        if (n_chunks <= scratch->n_chunks)
                return 0;

        chunks = calloc(n_chunks, sizeof(Chunk *));
        if (!chunks)
                return error_oom(error);

        if (scratch->n_chunks > 0)
                memcpy(chunks, scratch->chunks, scratch->n_chunks * sizeof(Chunk *));
        free(scratch->chunks);
        scratch->chunks = chunks;
        scratch->n_chunks = n_chunks;
        return 0;
}

char *ext4_scratch_name(const Ext4Scratch *scratch, char ret[static EXT4_SCRATCH_NAME_MAX]) {
        (void) snprintf(ret, EXT4_SCRATCH_NAME_MAX, "%" PRIxPTR, (uintptr_t) scratch);
        return ret;
}

bool ext4_scratch_take_error(Ext4Scratch *scratch, Error *ret) {
        if (scratch->error.code == 0)
                return false;
        error_move(ret, &scratch->error);
        return true;
}

static uint32_t *find_slot(const Ext4Scratch *scratch, uint64_t block) {
        Chunk *chunk = scratch->chunks[block / CHUNK_BLOCKS];

        return chunk ? &chunk->slots[block % CHUNK_BLOCKS] : NULL;
}

/* A place for a block in the file. */
static int make_slot(Ext4Scratch *scratch, uint64_t block, uint32_t **ret, Error *error) {
        Chunk **chunk = &scratch->chunks[block / CHUNK_BLOCKS];
        uint32_t *slot;

        if (!*chunk)
                *chunk = calloc(1, sizeof(**chunk));
        if (!*chunk)
                return error_oom(error);

        slot = &(*chunk)->slots[block % CHUNK_BLOCKS];
        if ((*slot & SLOT_NUMBER) == 0) {
                if (scratch->n_slots == SLOT_NUMBER)
                        return error_set(
                                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                                "The file system has too much metadata");
                *slot |= ++scratch->n_slots;
        }

        *ret = slot;
        return 0;
}

static uint64_t slot_offset(uint32_t slot) {
        return (uint64_t) ((slot & SLOT_NUMBER) - 1) * BLOCK;
}

static int slot_read(const Ext4Scratch *scratch, uint32_t slot, uint8_t *data, Error *error) {
        const ssize_t n = fd_pread_full(scratch->fd, data, BLOCK, slot_offset(slot));

        if (n == (ssize_t) BLOCK)
                return 0;
        return error_set_errno(error, n < 0 ? (int) -n : EIO, "Cannot read the scratch file");
}

static int slot_write(
        const Ext4Scratch *scratch, uint32_t slot, const uint8_t *data, Error *error) {
        const int r = fd_pwrite_full(scratch->fd, data, BLOCK, slot_offset(slot));

        return r < 0 ? error_set_errno(error, -r, "Cannot write the scratch file") : 0;
}

static int clean(Ext4Scratch *scratch, Cached *cached, Error *error) {
        const uint32_t *slot;
        int r;

        if (!cached->newer)
                return 0;

        slot = find_slot(scratch, cached->block);
        assert(slot);
        r = slot_write(scratch, *slot, cached->data, error);
        if (r >= 0)
                cached->newer = false;
        return r;
}

/* Gets the block in the cache, without content if it was not cached. */
static int cache_take(Ext4Scratch *scratch, uint64_t block, Cached **ret, Error *error) {
        Cached *cached = &scratch->cache[block & (CACHE_BLOCKS - 1)];
        int r;

        if (!cached->valid || cached->block != block) {
                r = clean(scratch, cached, error);
                if (r < 0)
                        return r;
                cached->valid = false;
                cached->block = block;
        }

        *ret = cached;
        return 0;
}

/* Gets the block in the cache, with its content. */
static int cache_load(Ext4Scratch *scratch, uint64_t block, Cached **ret, Error *error) {
        Cached *cached;
        uint32_t *slot;
        int r;

        r = cache_take(scratch, block, &cached, error);
        if (r < 0)
                return r;
        if (cached->valid) {
                *ret = cached;
                return 0;
        }

        slot = find_slot(scratch, block);
        if (slot && (*slot & SLOT_PRESENT))
                r = slot_read(scratch, *slot, cached->data, error);
        else if (scratch->read) {
                r = make_slot(scratch, block, &slot, error);
                if (r >= 0)
                        r = scratch->read(
                                scratch->userdata, block * BLOCK, cached->data, BLOCK, error);
                if (r >= 0) {
                        *slot |= SLOT_PRESENT;
                        cached->newer = true;
                }
        } else
                memset(cached->data, 0, BLOCK);
        if (r < 0)
                return r;

        cached->valid = true;
        *ret = cached;
        return 0;
}

static int read_part(
        Ext4Scratch *scratch,
        uint64_t block,
        size_t offset,
        uint8_t *data,
        size_t size,
        Error *error) {
        Cached *cached;
        int r;

        r = cache_load(scratch, block, &cached, error);
        if (r >= 0)
                memcpy(data, cached->data + offset, size);
        return r;
}

static int write_part(
        Ext4Scratch *scratch,
        uint64_t block,
        size_t offset,
        const uint8_t *data,
        size_t size,
        Error *error) {
        Cached *cached;
        uint32_t *slot;
        int r;

        r = make_slot(scratch, block, &slot, error);
        if (r < 0)
                return r;
        if (size < BLOCK || (*slot & SLOT_PRESENT))
                r = cache_load(scratch, block, &cached, error);
        else
                r = cache_take(scratch, block, &cached, error);
        if (r < 0)
                return r;

        if ((*slot & SLOT_PRESENT) && memcmp(cached->data + offset, data, size) == 0)
                return 0;

        memcpy(cached->data + offset, data, size);
        cached->valid = cached->newer = true;
        *slot |= SLOT_PRESENT | SLOT_CHANGED;
        return 0;
}

void ext4_scratch_forget(Ext4Scratch *scratch, uint64_t block, uint64_t n) {
        const uint64_t end = block + n;

        while (block < end) {
                Cached *cached = &scratch->cache[block & (CACHE_BLOCKS - 1)];
                uint32_t *slot = find_slot(scratch, block);

                if (!slot) {
                        block += CHUNK_BLOCKS - block % CHUNK_BLOCKS;
                        continue;
                }
                if (*slot & SLOT_PRESENT) {
                        *slot &= SLOT_NUMBER;
                        if (cached->block == block)
                                cached->valid = cached->newer = false;
                }
                block++;
        }
}

/* A run of blocks on its way to the device. */
typedef struct BlockRun {
        Ext4Device *device; /* borrowed */
        uint8_t *buffer;    /* owned by the device; NULL: none */
        uint64_t start;
        size_t n;
} BlockRun;

static int run_end(BlockRun *run, Error *error) {
        if (!run->buffer)
                return 0;
        return ext4_device_write(
                run->device, TAKE_PTR(run->buffer), run->start * BLOCK, run->n * BLOCK, error);
}

static int run_add(
        BlockRun *run, const Ext4Scratch *scratch, uint64_t block, uint32_t slot, Error *error) {
        void *buffer;
        int r;

        if (run->buffer &&
            (run->start + run->n != block || block % (DISK_BUFFER_BYTES / BLOCK) == 0)) {
                r = run_end(run, error);
                if (r < 0)
                        return r;
        }
        if (!run->buffer) {
                r = ext4_device_get_buffer(run->device, &buffer, error);
                if (r < 0)
                        return r;
                run->buffer = buffer;
                run->start = block;
                run->n = 0;
        }

        r = slot_read(scratch, slot, run->buffer + run->n * BLOCK, error);
        if (r >= 0)
                run->n++;
        return r;
}

static int write_out_chunk(
        const Ext4Scratch *scratch, size_t index, Chunk *chunk, BlockRun *run, Error *error) {
        for (size_t i = 0; i < CHUNK_BLOCKS; i++) {
                int r;

                if (!(chunk->slots[i] & SLOT_CHANGED))
                        continue;
                r = run_add(run, scratch, index * CHUNK_BLOCKS + i, chunk->slots[i], error);
                if (r < 0)
                        return r;
                chunk->slots[i] &= ~SLOT_CHANGED;
        }
        return 0;
}

int ext4_scratch_write_out(Ext4Scratch *scratch, Ext4Device *device, Error *error) {
        BlockRun run = { .device = device };
        int r = 0;

        for (size_t i = 0; i < CACHE_BLOCKS && r >= 0; i++)
                r = clean(scratch, &scratch->cache[i], error);
        for (size_t i = 0; i < scratch->n_chunks && r >= 0; i++)
                if (scratch->chunks[i])
                        r = write_out_chunk(scratch, i, scratch->chunks[i], &run, error);
        if (r < 0) {
                if (run.buffer)
                        (void) ext4_device_write(device, run.buffer, 0, 0, NULL);
                return r;
        }
        return run_end(&run, error);
}

static errcode_t on_open(const char *name, int flags, io_channel *ret) {
        io_channel channel;
        uintptr_t address;
        errcode_t code;

        if (!name || sscanf(name, "%" SCNxPTR, &address) != 1)
                return EXT2_ET_BAD_DEVICE_NAME;

        code = ext2fs_get_memzero(sizeof(*channel), &channel);
        if (code != 0)
                return code;
        code = ext2fs_get_memzero(strlen(name) + 1, &channel->name);
        if (code != 0) {
                (void) ext2fs_free_mem(&channel);
                return code;
        }

        memcpy(channel->name, name, strlen(name) + 1);
        channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
        channel->manager = ext4_scratch_io;
        channel->block_size = (int) BLOCK;
        channel->refcount = 1;
        channel->private_data = (void *) address;
        *ret = channel;
        return 0;
}

static errcode_t on_close(io_channel channel) {
        if (--channel->refcount > 0)
                return 0;
        (void) ext2fs_free_mem(&channel->name);
        return ext2fs_free_mem(&channel);
}

static errcode_t on_set_blksize(io_channel channel, int size) {
        channel->block_size = size;
        return 0;
}

/* What a call means in bytes: a negative count is one of bytes. */
static errcode_t find_range(
        io_channel channel,
        unsigned long long block,
        int count,
        uint64_t *ret_offset,
        uint64_t *ret_size) {
        const Ext4Scratch *scratch = channel->private_data;
        const uint64_t unit = (uint64_t) channel->block_size;
        const uint64_t limit = scratch->n_chunks * CHUNK_BLOCKS * BLOCK;
        const uint64_t size = count < 0 ? (uint64_t) - (int64_t) count : (uint64_t) count * unit;

        if (block > limit / unit || size > limit - block * unit)
                return EXT2_ET_SHORT_READ;

        *ret_offset = block * unit;
        *ret_size = size;
        return 0;
}

static size_t part_size(uint64_t offset, uint64_t size) {
        const size_t room = BLOCK - offset % BLOCK;

        return size < room ? (size_t) size : room;
}

static errcode_t on_read(io_channel channel, unsigned long long block, int count, void *data) {
        Ext4Scratch *scratch = channel->private_data;
        uint64_t offset, size;
        uint8_t *p = data;
        errcode_t code;

        code = find_range(channel, block, count, &offset, &size);
        while (code == 0 && size > 0) {
                const size_t n = part_size(offset, size);

                error_clear(&scratch->error);
                code = -read_part(scratch, offset / BLOCK, offset % BLOCK, p, n, &scratch->error);
                offset += n;
                size -= n;
                p += n;
        }
        return code;
}

static errcode_t on_write(
        io_channel channel, unsigned long long block, int count, const void *data) {
        Ext4Scratch *scratch = channel->private_data;
        uint64_t offset, size;
        const uint8_t *p = data;
        errcode_t code;

        code = find_range(channel, block, count, &offset, &size);
        while (code == 0 && size > 0) {
                const size_t n = part_size(offset, size);

                error_clear(&scratch->error);
                code = -write_part(scratch, offset / BLOCK, offset % BLOCK, p, n, &scratch->error);
                offset += n;
                size -= n;
                p += n;
        }
        return code;
}

static errcode_t on_read_short(io_channel channel, unsigned long block, int count, void *data) {
        return on_read(channel, block, count, data);
}

static errcode_t on_write_short(
        io_channel channel, unsigned long block, int count, const void *data) {
        return on_write(channel, block, count, data);
}

static errcode_t on_flush(io_channel channel) {
        return 0;
}

static struct struct_io_manager scratch_io = {
        .magic = EXT2_ET_MAGIC_IO_MANAGER,
        .name = "scratch",
        .open = on_open,
        .close = on_close,
        .set_blksize = on_set_blksize,
        .read_blk = on_read_short,
        .write_blk = on_write_short,
        .flush = on_flush,
        .read_blk64 = on_read,
        .write_blk64 = on_write,
};

const io_manager ext4_scratch_io = &scratch_io;
