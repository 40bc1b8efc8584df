/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ext4-scratch.h"
#include "test-disk.h"

#define BLOCKS 2048u
#define BLOCK  ((size_t) DISK_BLOCK_BYTES)

typedef struct Fixture {
        Disk disk;
        Ext4Device *device;
        Ext4Scratch *scratch;
        io_channel channel;
} Fixture;

/* What the device has is in no block zero. */
static int read_device(void *userdata, uint64_t offset, void *data, size_t size, Error *error) {
        memset(data, (int) (offset / BLOCK), size);
        return 0;
}

static int fail_to_read(void *userdata, uint64_t offset, void *data, size_t size, Error *error) {
        return error_set(error, EIO, ERROR_FAILED, "The device fails");
}

static void start(
        Fixture *f,
        int (*read)(void *userdata, uint64_t offset, void *data, size_t size, Error *error)) {
        const Ext4ScratchOptions options = {
                .fd = f->disk.scratch_fd,
                .n_blocks = BLOCKS,
                .read = read,
        };
        char name[EXT4_SCRATCH_NAME_MAX];

        assert_int_equal(ext4_scratch_new(&options, &f->scratch, NULL), 0);
        assert_int_equal(
                ext4_scratch_io->open(ext4_scratch_name(f->scratch, name), 0, &f->channel), 0);
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        disk_init(&f->disk, BLOCKS * BLOCK);
        assert_int_equal(disk_next_device(&f->disk, &f->device, NULL), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        assert_int_equal(io_channel_close(f->channel), 0);
        ext4_scratch_free(f->scratch);
        disk_done(&f->disk);
        free(f);
        return 0;
}

static void put(Fixture *f, uint64_t block, int byte) {
        uint8_t data[4096];

        memset(data, byte, sizeof(data));
        assert_int_equal(io_channel_write_blk64(f->channel, block, 1, data), 0);
}

static void check(Fixture *f, uint64_t block, int byte) {
        uint8_t data[4096], expected[4096];

        memset(expected, byte, sizeof(expected));
        assert_int_equal(io_channel_read_blk64(f->channel, block, 1, data), 0);
        assert_memory_equal(data, expected, sizeof(data));
}

/* Blocks and writes that it takes to bring the device up to date. */
static void write_out(Fixture *f, unsigned n_blocks, unsigned n_writes) {
        TestDevice *test = (TestDevice *) f->device;

        test->written = 0;
        test->n_writes = 0;
        assert_int_equal(ext4_scratch_write_out(f->scratch, f->device, NULL), 0);
        assert_int_equal(test->written, n_blocks * BLOCK);
        assert_int_equal(test->n_writes, n_writes);
}

#define SCRATCH_TEST(name) TEST_WITH(name, set_up, tear_down)

SCRATCH_TEST(unchanged_blocks_are_not_written) {
        Fixture *f = *state;

        start(f, NULL);
        check(f, 9, 0);
        put(f, 5, 1);
        put(f, 6, 2);
        put(f, 900, 3);
        write_out(f, 3, 2);
        put(f, 5, 1);
        put(f, 900, 3);
        write_out(f, 0, 0);
        put(f, 6, 7);
        check(f, 6, 7);
        write_out(f, 1, 1);
}

SCRATCH_TEST(blocks_that_the_cache_has_no_room_for_are_kept) {
        Fixture *f = *state;

        start(f, NULL);
        for (unsigned i = 0; i < BLOCKS; i++)
                put(f, i, (int) i);
        for (unsigned i = 0; i < BLOCKS; i++)
                check(f, i, (int) i);
        write_out(f, BLOCKS, BLOCKS * BLOCK / DISK_BUFFER_BYTES);
        for (unsigned i = 0; i < BLOCKS; i++)
                put(f, i, (int) i);
        write_out(f, 0, 0);
}

SCRATCH_TEST(blocks_that_are_not_there_come_from_the_device) {
        Fixture *f = *state;

        start(f, read_device);
        check(f, 7, 7);
        put(f, 7, 7);
        write_out(f, 0, 0);
        put(f, 7, 8);
        check(f, 7, 8);
        check(f, 8, 8);
        write_out(f, 1, 1);
}

SCRATCH_TEST(forgotten_blocks_are_not_written) {
        Fixture *f = *state;

        start(f, NULL);
        put(f, 5, 1);
        put(f, 6, 1);
        put(f, 7, 1);
        ext4_scratch_forget(f->scratch, 0, 6);
        ext4_scratch_forget(f->scratch, 7, BLOCKS - 7);
        check(f, 5, 0);
        check(f, 6, 1);
        write_out(f, 1, 1);

        /* It may have become anything meanwhile. */
        put(f, 5, 1);
        write_out(f, 1, 1);
}

SCRATCH_TEST(parts_of_blocks_can_be_written) {
        uint8_t data[4096];
        Fixture *f = *state;

        start(f, read_device);
        memset(data, 0xee, sizeof(data));
        assert_int_equal(io_channel_set_blksize(f->channel, 1024), 0);
        assert_int_equal(io_channel_write_blk64(f->channel, 5, -1024, data), 0);
        assert_int_equal(io_channel_set_blksize(f->channel, 4096), 0);
        assert_int_equal(io_channel_read_blk64(f->channel, 1, 1, data), 0);
        assert_int_equal(data[1023], 1);
        assert_int_equal(data[1024], 0xee);
        assert_int_equal(data[2047], 0xee);
        assert_int_equal(data[2048], 1);
}

SCRATCH_TEST(blocks_behind_the_end_are_refused) {
        uint8_t data[8192] = { 0 };
        Fixture *f = *state;

        start(f, NULL);
        assert_int_not_equal(io_channel_write_blk64(f->channel, BLOCKS, 1, data), 0);
        assert_int_not_equal(io_channel_read_blk64(f->channel, BLOCKS - 1, 2, data), 0);
        assert_int_not_equal(io_channel_read_blk64(f->channel, UINT64_MAX / 4096, 1, data), 0);
}

SCRATCH_TEST(failures_are_kept_for_who_asks) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        uint8_t data[4096];
        Fixture *f = *state;

        start(f, fail_to_read);
        assert_false(ext4_scratch_take_error(f->scratch, &error));
        assert_int_equal(io_channel_read_blk64(f->channel, 1, 1, data), EIO);
        assert_true(ext4_scratch_take_error(f->scratch, &error));
        assert_string_equal(error_text(&error), "The device fails");
}
