/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "unpack-writeback.h"

#define WAIT_SECONDS 60
#define ATTEMPTS     20

/* A file of @size bytes, which has no name; written, but not to the disk. */
static int new_file(size_t size) {
        char path[] = "/var/tmp/test-writeback-XXXXXX";
        const int fd = mkostemp(path, O_CLOEXEC);
        char *data = calloc(1, size);

        assert_true(fd >= 0 && data);
        assert_int_equal(unlink(path), 0);
        memset(data, 'x', size);
        assert_int_equal(write(fd, data, size), size);
        free(data);
        return fd;
}

/* Whether blocks have yet to be found for it: 1, 0, or -errno where that cannot be seen. */
static int is_delayed(int fd) {
        struct {
                struct fiemap map;
                struct fiemap_extent extent;
        } m = { .map = { .fm_length = FIEMAP_MAX_OFFSET, .fm_extent_count = 1 } };

        if (ioctl(fd, FS_IOC_FIEMAP, &m) < 0)
                return -errno;
        return m.map.fm_mapped_extents == 1 && (m.extent.fe_flags & FIEMAP_EXTENT_DELALLOC);
}

static void wait_for_blocks(int fd) {
        const time_t until = time(NULL) + WAIT_SECONDS;

        while (is_delayed(fd) == 1) {
                assert_true(time(NULL) < until);
                (void) usleep(1000);
        }
}

/* Whether the small file was left alone while the large one got blocks: 1, 0, or -EOPNOTSUPP where that cannot be seen. */
static int small_file_is_left(void) {
        _cleanup_(unpack_writeback_freep) UnpackWriteback *writeback = NULL;
        _cleanup_(closep) int small = new_file(WRITEBACK_FILE_BYTES - 1);
        _cleanup_(closep) int large = new_file(WRITEBACK_FILE_BYTES);

        if (is_delayed(small) != 1 || is_delayed(large) != 1)
                return -EOPNOTSUPP;

        assert_int_equal(unpack_writeback_new(&writeback, NULL), 0);
        unpack_writeback_start(writeback, small, WRITEBACK_FILE_BYTES - 1);
        unpack_writeback_start(writeback, large, WRITEBACK_FILE_BYTES);
        wait_for_blocks(large);
        return is_delayed(small);
}

/* The kernel may write both at any time: somebody calls sync(), or much waits to be written. */
TEST(large_files_are_on_their_way_to_the_disk_and_small_ones_are_not) {
        int r = 0;

        for (unsigned i = 0; i < ATTEMPTS && r != 1; i++)
                r = small_file_is_left();
        if (r == -EOPNOTSUPP) {
                print_message("The file system of /var/tmp does not tell\n");
                skip();
        }
        assert_int_equal(r, 1);
}

TEST(nothing_stays_open_whatever_the_queue_holds) {
        UnpackWriteback *writeback = NULL;
        const unsigned before = scratch_count_fds();
        const int fd = new_file(WRITEBACK_FILE_BYTES);

        assert_int_equal(unpack_writeback_new(&writeback, NULL), 0);
        for (size_t i = 0; i < (size_t) 4 * WRITEBACK_QUEUE_FILES; i++)
                unpack_writeback_start(writeback, fd, WRITEBACK_FILE_BYTES);
        assert_true(scratch_count_fds() <= before + 1 + WRITEBACK_QUEUE_FILES + 1);
        assert_null(unpack_writeback_free(writeback));
        assert_int_equal(close(fd), 0);
        assert_int_equal(scratch_count_fds(), before);
}
