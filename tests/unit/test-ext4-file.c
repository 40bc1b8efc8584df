/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One raw disk image, which gets all layers. */

#include "ext4-file.h"
#include "test-ext4.h"

typedef struct Flat {
        int fd;
        Ext4Device *device;
        unsigned n_asked;
} Flat;

static int next_device(void *userdata, Ext4Device **ret, Error *error) {
        Flat *flat = userdata;

        flat->n_asked++;
        *ret = flat->device;
        return 0;
}

static void flat_init(Flat *flat, Fixture *f) {
        char path[128];

        *flat = (Flat){ .fd =
                                open(disk_image(&f->disk, 0, path),
                                     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) };
        assert_true(flat->fd >= 0);
        assert_int_equal(ftruncate(flat->fd, (off_t) f->disk.size), 0);
        assert_int_equal(ext4_file_new(flat->fd, &flat->device, NULL), 0);
}

static void flat_done(Flat *flat) {
        ext4_device_free(flat->device);
        close(flat->fd);
}

/* Unpacks all layers, checks the file system, and compares it with a directory. */
static void unpack_flat(Fixture *f, Flat *flat) {
        const Ext4Options options = {
                .size = f->disk.size,
                .scratch_fd = f->disk.scratch_fd,
                .next_device = next_device,
                .userdata = flat,
        };

        assert_int_equal(ext4_new(&options, &f->disk.ext4, NULL), 0);
        if (run_into(f, ext4_target(f->disk.ext4)) < 0)
                fail_msg("%s", error_text(&f->error));
        f->disk.n_done = 1;
        disk_check_all(&f->disk);
        compare(f);
}

static uint64_t used_bytes(const Flat *flat) {
        struct stat st;

        assert_int_equal(fstat(flat->fd, &st), 0);
        return (uint64_t) st.st_blocks * 512;
}

EXT4_TEST(one_file_gets_all_layers) {
        Fixture *f = *state;
        Bytes *base = layer_add(f), *change = layer_add(f), *last = layer_add(f);
        Flat flat;

        add_content(base, "kept", 300000, 1);
        add_content(base, "replaced", 5000, 2);
        add_content(base, "deleted", 3000000, 3);
        add_content(change, "replaced", 70000, 4);
        tar_file(change, ".wh.deleted", "");
        add_content(last, "new", 200000, 5);
        flat_init(&flat, f);
        unpack_flat(f, &flat);
        assert_int_equal(flat.n_asked, 3);
        flat_done(&flat);
}

EXT4_TEST(what_layers_delete_takes_no_space_in_the_file) {
        Fixture *f = *state;
        Bytes *base = layer_add(f), *change = layer_add(f);
        Flat flat;

        add_content(base, "deleted", 20 * MIB, 1);
        tar_file(change, ".wh.deleted", "");
        flat_init(&flat, f);
        unpack_flat(f, &flat);
        assert_true(used_bytes(&flat) < 8 * MIB);
        flat_done(&flat);
}

EXT4_TEST(two_buffers_are_written_and_read_back) {
        Fixture *f = *state;
        uint8_t back[3];
        void *a, *b, *c;
        Flat flat;

        flat_init(&flat, f);
        assert_int_equal(ext4_device_get_buffer(flat.device, &a, NULL), 0);
        assert_int_equal(ext4_device_get_buffer(flat.device, &b, NULL), 0);
        assert_ptr_not_equal(a, b);
        memcpy(a, "aaa", 3);
        memcpy(b, "bbb", 3);
        assert_int_equal(ext4_device_write(flat.device, b, 4096, 3, NULL), 0);
        assert_int_equal(ext4_device_get_buffer(flat.device, &c, NULL), 0);
        assert_ptr_equal(c, b);
        assert_int_equal(ext4_device_write(flat.device, c, 0, 0, NULL), 0);
        assert_int_equal(ext4_device_write(flat.device, a, 8192, 3, NULL), 0);
        assert_int_equal(ext4_device_flush(flat.device, NULL), 0);
        assert_int_equal(ext4_device_read(flat.device, 4096, back, 3, NULL), 0);
        assert_memory_equal(back, "bbb", 3);
        assert_int_equal(ext4_device_read(flat.device, 8192, back, 3, NULL), 0);
        assert_memory_equal(back, "aaa", 3);
        assert_int_equal(ext4_device_trim(flat.device, 4096, 4096, NULL), 0);
        assert_int_equal(ext4_device_read(flat.device, 4096, back, 3, NULL), 0);
        assert_memory_equal(back, "\0\0\0", 3);
        flat_done(&flat);
}

EXT4_TEST(failures_of_the_file_are_told) {
        Fixture *f = *state;
        uint8_t back[3];
        char path[128];
        void *buffer;
        Flat flat;

        flat_init(&flat, f);
        assert_int_equal(ext4_device_read(flat.device, f->disk.size, back, 3, &f->error), -EIO);
        assert_non_null(strstr(error_text(&f->error), "Cannot read a disk image"));
        error_clear(&f->error);
        ext4_device_free(flat.device);
        close(flat.fd);

        flat.fd = open(disk_image(&f->disk, 0, path), O_RDONLY | O_CLOEXEC);
        assert_int_equal(ext4_file_new(flat.fd, &flat.device, NULL), 0);
        assert_int_equal(ext4_device_get_buffer(flat.device, &buffer, NULL), 0);
        assert_int_equal(ext4_device_write(flat.device, buffer, 0, 4096, &f->error), -EBADF);
        assert_non_null(strstr(error_text(&f->error), "Cannot write a disk image"));
        error_clear(&f->error);
        assert_int_equal(ext4_device_trim(flat.device, 0, 4096, &f->error), -EBADF);
        flat_done(&flat);
}
