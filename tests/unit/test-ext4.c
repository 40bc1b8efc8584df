/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-ext4.h"

EXT4_TEST(empty_file_system_has_an_empty_root) {
        Fixture *f = *state;

        f->disk.label = "a label that is too long";
        tar_dir(layer_add(f), ".");
        run_well(f);
        assert_non_null(strstr(debugfs(f, 0, "stats"), "a label that is \n"));
        compare(f);
}

EXT4_TEST(every_type_of_entry_is_kept) {
        static const struct {
                uint32_t major, minor;
        } numbers[] = {
                { 1, 3 }, { 255, 255 }, { 256, 0 }, { 8, 256 }, { 4095, 0xfffff }, { 0, 0 }
        };
        char name[300], link[4096];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                (void) snprintf(name, sizeof(name), "dev-%zu", i);
                tar_add(tar, &(TarEntry){ .type = i % 2 ? '3' : '4',
                                          .name = name,
                                          .major = numbers[i].major,
                                          .minor = numbers[i].minor });
        }
        tar_add(tar, &(TarEntry){ .type = '6', .name = "fifo", .mode = 0600 });
        tar_add(tar, &(TarEntry){ .name = "all", .mode = 07777, .uid = 70000, .gid = 0xfffffffe });
        tar_add(tar, &(TarEntry){ .name = "none", .no_mode = true });
        tar_add(tar, &(TarEntry){ .type = '5', .name = "sticky", .mode = 01777, .uid = 65536 });
        tar_add(tar, &(TarEntry){ .type = '2', .name = "link", .link = "x", .uid = 5, .gid = 6 });
        for (size_t i = 58; i <= 61; i++) {
                memset(link, 'l', i);
                link[i] = '\0';
                (void) snprintf(name, sizeof(name), "link-%zu", i);
                tar_symlink(tar, name, link);
        }
        memset(link, 'x', 4095);
        link[4095] = '\0';
        tar_pax(tar, "linkpath", link);
        tar_symlink(tar, "link-4095", "");
        memset(name, 'n', 255);
        name[255] = '\0';
        tar_pax(tar, "path", name);
        tar_file(tar, "x", "long name");
        tar_file(tar, "\xff\x01 '\"\\\n", "odd name");
        run_well(f);
        compare(f);
}

EXT4_TEST(times_are_kept_to_the_nanosecond) {
        static const char *const times[] = {
                "-2147483648",          "-1.5",          "0",           "2147483647.999999999",
                "2147483648.000000001", "4294967296.25", "15032385535",
        };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
                (void) snprintf(name, sizeof(name), "f-%zu", i);
                tar_pax(tar, "mtime", times[i]);
                tar_file(tar, name, "x");
                (void) snprintf(name, sizeof(name), "d-%zu", i);
                tar_pax(tar, "mtime", times[i]);
                tar_dir(tar, name);
        }
        tar_file(tar, "d-0/inside", "");
        run_well(f);
        compare(f);
}

EXT4_TEST(times_out_of_range_are_clamped) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        struct stat st;
        int fd;

        tar_pax(tar, "mtime", "99999999999");
        tar_file(tar, "late", "x");
        tar_pax(tar, "mtime", "-99999999999");
        tar_file(tar, "early", "x");
        run_well(f);
        fd = disk_mount(&f->disk, 0);
        if (fd < 0)
                return;
        assert_int_equal(fstatat(fd, "late", &st, 0), 0);
        assert_int_equal(st.st_mtim.tv_sec, INT64_C(15032385535));
        assert_int_equal(fstatat(fd, "early", &st, 0), 0);
        assert_int_equal(st.st_mtim.tv_sec, INT32_MIN);
        close(fd);
}

EXT4_TEST(content_of_all_sizes_is_kept) {
        static const size_t sizes[] = {
                0, 1, 4095, 4096, 4097, 8192, 65537, 1048576, 3 * 1048576 + 5, 0
        };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                (void) snprintf(name, sizeof(name), "f-%zu", i);
                add_content(tar, name, sizes[i], (unsigned) i);
        }
        run_well(f);
        compare(f);
}

EXT4_TEST(small_files_are_written_together) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        for (unsigned i = 0; i < 2000; i++) {
                (void) snprintf(name, sizeof(name), "d/f-%u", i);
                add_content(tar, name, 100 + i, i);
        }
        run_well(f);
        assert_true(f->disk.devices[0].n_writes < 40);
        assert_int_equal(f->disk.devices[0].n_flushes, 1);
        compare(f);
}

EXT4_TEST(layers_change_what_is_below) {
        Fixture *f = *state;
        Bytes *tar;

        tar = layer_add(f);
        tar_dir(tar, "a");
        tar_dir(tar, "a/b");
        add_content(tar, "a/b/one", 10000, 1);
        add_content(tar, "a/two", 50000, 2);
        tar_file(tar, "three", "3");
        tar_hardlink(tar, "a/b/three", "three");
        tar_symlink(tar, "link", "a/b");

        tar = layer_add(f);
        add_content(tar, "a/two", 60000, 3);
        tar_hardlink(tar, "a/four", "a/b/one");
        tar_file(tar, "link/five", "5");
        tar_add(tar, &(TarEntry){ .type = '5', .name = "a", .mode = 0700, .uid = 3 });
        tar_file(tar, "a/b/.wh.three", "");

        tar = layer_add(f);
        tar_file(tar, ".wh.three", "");
        tar_file(tar, "a/b/.wh..wh..opq", "");
        tar_file(tar, "a/b/six", "6");
        tar_file(tar, "link", "no link any more");

        tar = layer_add(f);
        tar_file(tar, "a/b", "no directory any more");
        tar_dir(tar, "link");
        tar_file(tar, "link/x", "x");
        run_well(f);
        assert_int_equal(f->disk.n_done, 4);
        compare(f);
}

EXT4_TEST(layer_of_nothing_and_layer_that_only_deletes_are_clean) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        add_content(tar, "file", 8 * MIB, 1);
        tar_dir(tar, "d");
        add_content(tar, "d/file", 100000, 1);
        tar_end(layer_add(f));
        tar = layer_add(f);
        tar_file(tar, ".wh.file", "");
        tar_file(tar, ".wh.d", "");
        run_well(f);

        /* The super block's time of writing. */
        assert_true(f->disk.devices[1].written <= 2 * DISK_BLOCK_BYTES);
        assert_true(f->disk.devices[2].written <= 16 * DISK_BLOCK_BYTES);
        assert_true(f->disk.devices[2].trimmed >= 8 * MIB + 100000);
        compare(f);
}

EXT4_TEST(deleting_frees_space) {
        Fixture *f = *state;

        for (unsigned i = 0; i < 6; i++) {
                Bytes *tar = layer_add(f);

                tar_file(tar, ".wh.file", "");
                if (i % 2 == 0)
                        add_content(tar, "file", 40 * MIB, i);
        }
        layer_add(f);
        add_content(&f->layers[6], "last", 1000, 1);
        run_well(f);
        compare(f);
}

EXT4_TEST(space_that_a_layer_freed_itself_is_used_again) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (unsigned i = 0; i < 10; i++)
                add_content(tar, "file", 20 * MIB, i);
        run_well(f);
        compare(f);
}

EXT4_TEST(upper_layer_has_only_what_it_changed) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(name, sizeof(name), "d-%u/file", i);
                add_content(tar, name, 5000, i);
        }
        tar = layer_add(f);
        tar_file(tar, "d-5/file", "x");
        run_well(f);
        assert_true(f->disk.devices[1].written < 24 * DISK_BLOCK_BYTES);
        compare(f);
}

EXT4_TEST(full_file_system_is_no_space) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        int r;

        add_content(tar, "a", 30 * MIB, 1);
        add_content(tar, "b", 30 * MIB, 2);
        disk_new(&f->disk);
        r = run_into(f, ext4_target(f->disk.ext4));
        assert_int_equal(r, -ENOSPC);
        assert_int_equal(f->error.kind, ERROR_NO_SPACE);
        assert_non_null(strstr(error_text(&f->error), "file system of 67108864 bytes is full"));
        assert_int_equal(ext4_lack(f->disk.ext4), EXT4_LACKS_BLOCKS);
        assert_true(ext4_size_for(f->disk.ext4, 0, 0) > 64 * MIB);
}

EXT4_TEST(size_is_for_the_content_there_was_at_any_time) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        f->disk.size = 400 * MIB;
        add_content(tar, "a", 40 * MIB, 1);
        tar = layer_add(f);
        add_content(tar, "b", 40 * MIB, 2);
        tar_file(tar, ".wh.a", "");
        run_well(f);
        assert_true(ext4_size_for(f->disk.ext4, 0, 0) > 80 * MIB);
}

EXT4_TEST(size_is_for_the_files_there_were_at_any_time) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        f->disk.size = 400 * MIB;
        for (unsigned i = 0; i < 20000; i++) {
                (void) snprintf(name, sizeof(name), "d/f-%u", i);
                tar_file(tar, name, "");
        }
        tar_file(layer_add(f), ".wh.d", "");
        run_well(f);
        assert_true(ext4_size_for(f->disk.ext4, 0, 0) > 20000 * DISK_BLOCK_BYTES);
}

EXT4_TEST(size_of_what_was_opened_is_enough) {
        Fixture *f = *state;
        uint64_t size;

        add_content(layer_add(f), "a", 30 * MIB, 1);
        run_well(f);
        disk_reopen(&f->disk);
        add_content(layer_add(f), "b", 30 * MIB, 2);
        assert_int_equal(run_into(f, ext4_target(f->disk.ext4)), -ENOSPC);
        assert_int_equal(ext4_lack(f->disk.ext4), EXT4_LACKS_BLOCKS);
        error_clear(&f->error);
        size = ext4_size_for(f->disk.ext4, 0, 0);
        assert_true(size > 64 * MIB && size < 96 * MIB);
}

EXT4_TEST(no_inodes_left_is_no_space) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        f->disk.size = DISK_SIZE_MIN;
        for (unsigned i = 0; i < 3000; i++) {
                (void) snprintf(name, sizeof(name), "f-%u", i);
                tar_file(tar, name, "");
        }
        disk_new(&f->disk);
        assert_int_equal(run_into(f, ext4_target(f->disk.ext4)), -ENOSPC);
        assert_non_null(strstr(error_text(&f->error), "no inodes left"));
        assert_int_equal(ext4_lack(f->disk.ext4), EXT4_LACKS_INODES);
        assert_true(ext4_size_for(f->disk.ext4, 0, 0) > DISK_SIZE_MIN);
}

EXT4_TEST(all_sizes_of_file_systems_are_clean) {
        static const uint64_t sizes[] = { 8 * MIB,          9 * MIB + 4096,     100 * MIB,
                                          128 * MIB + 4096, 511 * MIB,          512 * MIB,
                                          10240 * MIB,      102400 * MIB + 4096 };

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                Fixture *f;

                assert_int_equal(tear_down(state), 0);
                assert_int_equal(set_up(state), 0);
                f = *state;
                f->disk.size = sizes[i];
                tar_file(layer_add(f), "file", "content");
                tar_file(layer_add(f), ".wh.file", "");
                run_well(f);
                assert_true(f->disk.devices[1].written <= 12 * DISK_BLOCK_BYTES);
        }
}

EXT4_TEST(file_system_can_be_gone_on_with) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        add_content(tar, "d/one", 100000, 1);
        tar_symlink(tar, "link", "/d");
        tar_file(tar, "gone", "x");
        run_well(f);
        disk_reopen(&f->disk);

        /* Layers are unpacked from the first again, over themselves. */
        tar = layer_add(f);
        tar_file(tar, "link/two", "2");
        tar_file(tar, ".wh.gone", "");
        run_well(f);
        assert_int_equal(f->disk.n_done, 3);
        compare(f);
}

static void add_some(Fixture *f) {
        Bytes *tar = layer_add(f);
        char name[64];

        for (unsigned i = 0; i < 300; i++) {
                (void) snprintf(name, sizeof(name), "d-%u/f-%u", i % 7, i);
                add_content(tar, name, 5000 * (i % 11), i);
        }
        tar = layer_add(f);
        tar_file(tar, "d-3/.wh..wh..opq", "");
        add_content(tar, "d-4/new", 3 * MIB, 7);
        tar_symlink(tar, "link", "d-4");
        tar_file(layer_add(f), "link/x", "x");
}

EXT4_TEST(failures_of_the_device_are_told) {
        Fixture *f = *state;
        unsigned n_calls;

        add_some(f);
        run_well(f);
        n_calls = f->disk.n_calls;
        assert_true(n_calls > 20);

        for (unsigned i = 1; i <= n_calls; i++) {
                const Ext4Options options = disk_options(&f->disk);
                int r;

                disk_done(&f->disk);
                disk_init(&f->disk, 64 * MIB);
                f->disk.fails_at = i;
                r = ext4_new(
                        &(Ext4Options){ .size = options.size,
                                        .scratch_fd = f->disk.scratch_fd,
                                        .next_device = options.next_device,
                                        .layer_done = options.layer_done,
                                        .userdata = &f->disk },
                        &f->disk.ext4, &f->error);
                if (r >= 0)
                        r = run_into(f, ext4_target(f->disk.ext4));
                assert_int_equal(r, -EIO);
                assert_non_null(strstr(error_text(&f->error), "The device fails"));
                error_clear(&f->error);
                disk_check_all(&f->disk);
        }
}

EXT4_TEST(size_that_is_told_is_enough) {
        static const struct {
                unsigned n;
                size_t size;
        } rows[] = { { 1, 0 }, { 1, 40000000 }, { 15000, 1 }, { 1000, 50000 }, { 6, 4000000 } };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Fixture *f;
                Bytes *tar;
                uint64_t size;
                char name[32];

                assert_int_equal(tear_down(state), 0);
                assert_int_equal(set_up(state), 0);
                f = *state;
                f->disk.size = 400 * MIB;
                tar = layer_add(f);
                for (unsigned j = 0; j < rows[i].n; j++) {
                        (void) snprintf(name, sizeof(name), "f-%u", j);
                        add_content(tar, name, rows[i].size, j);
                }
                run_well(f);
                size = ext4_size_for(f->disk.ext4, 0, 0);
                assert_true(size < 12 * MIB + rows[i].n * (5000 + rows[i].size) * 5 / 4);
                disk_done(&f->disk);
                disk_init(&f->disk, size);
                run_well(f);
        }
}

/* Writes it into a disk that is too small; what that says is enough. */
static void check_size_told_on_failure(void **state, uint64_t size, Ext4Lack lack) {
        Fixture *f = *state;
        uint64_t all = 0, told;

        for (size_t i = 0; i < f->n_layers; i++)
                all += f->layers[i].size;
        f->disk.size = size;
        disk_new(&f->disk);
        assert_int_equal(run_into(f, ext4_target(f->disk.ext4)), -ENOSPC);
        assert_int_equal(ext4_lack(f->disk.ext4), lack);
        assert_true(f->consumed > 0 && f->consumed < all);
        error_clear(&f->error);
        assert_int_equal(ext4_size_for(f->disk.ext4, 0, 1), 0);
        told = ext4_size_for(f->disk.ext4, f->consumed, all - f->consumed);
        assert_true(told > size);
        disk_done(&f->disk);
        disk_init(&f->disk, told);
        run_well(f);
}

EXT4_TEST(size_that_is_told_on_failure_is_enough) {
        static const struct {
                unsigned n;
                size_t size;
                const char *below; /* of each directory, its file */
                uint64_t disk;
                Ext4Lack lack;
        } rows[] = {
                { 6, 4000000, "", 16 * MIB, EXT4_LACKS_BLOCKS },
                { 4000, 5000, "", 16 * MIB, EXT4_LACKS_BLOCKS },
                { 5000, 0, "", 8 * MIB, EXT4_LACKS_INODES },
                { 900, 8000, "/d/f", 12 * MIB, EXT4_LACKS_BLOCKS },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Fixture *f;
                Bytes *tar;
                char name[32];

                assert_int_equal(tear_down(state), 0);
                assert_int_equal(set_up(state), 0);
                f = *state;
                tar = layer_add(f);
                for (unsigned j = 0; j < rows[i].n; j++) {
                        (void) snprintf(name, sizeof(name), "f-%u%s", j, rows[i].below);
                        add_content(tar, name, rows[i].size, j);
                }
                check_size_told_on_failure(state, rows[i].disk, rows[i].lack);
        }
}
