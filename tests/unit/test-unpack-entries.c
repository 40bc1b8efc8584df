/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"
#include "unpack-tree.h"

#define LONG_NAME                                                                                  \
        "a-name-of-more-than-one-hundred-bytes-which-does-not-fit-into-the-header-of-old-archives" \
        "-and-goes-elsewhere"

/* "e" and a combining acute accent: what normalisation would make one character of. */
#define DECOMPOSED "e\xcc\x81"

UNPACK_TEST(special_modes_are_kept) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_add(tar, &(TarEntry){ .name = "setuid", .content = "x", .mode = 04755 });
        tar_add(tar, &(TarEntry){ .name = "setgid", .content = "x", .mode = 02755 });
        tar_add(tar, &(TarEntry){ .name = "none", .content = "x", .no_mode = true });
        tar_add(tar, &(TarEntry){ .type = '5', .name = "tmp", .mode = 01777 });
        tar_add(tar, &(TarEntry){ .type = '5', .name = "sgid", .mode = 02775 });
        tar_file(tar, "sgid/file", "x");
        tar_dir(tar, "sgid/dir");
        tar_add(tar, &(TarEntry){ .type = '5', .name = "closed", .no_mode = true });
        tar_file(tar, "closed/file", "x");
        tar_add(tar, &(TarEntry){ .type = '6', .name = "fifo", .mode = 0666 });
        run_well(f);
        assert_int_equal(stat_of(f, "setuid").st_mode & 07777, 04755);
        assert_int_equal(stat_of(f, "setgid").st_mode & 07777, 02755);
        assert_int_equal(stat_of(f, "none").st_mode & 07777, 0);
        assert_int_equal(stat_of(f, "tmp").st_mode & 07777, 01777);
        assert_int_equal(stat_of(f, "sgid").st_mode & 07777, 02775);
        assert_int_equal(stat_of(f, "sgid/file").st_mode & 07777, 0644);
        assert_int_equal(stat_of(f, "sgid/dir").st_mode & 07777, 0755);
        assert_int_equal(stat_of(f, "closed").st_mode & 07777, 0);
        assert_int_equal(stat_of(f, "fifo").st_mode, S_IFIFO | 0666);
}

UNPACK_TEST(setuid_survives_an_owner) {
        Fixture *f = *state;

        skip_unless_root();
        tar_add(layer_add(f),
                &(TarEntry){ .name = "su", .content = "x", .mode = 06755, .uid = 7, .gid = 8 });
        run_well(f);
        assert_string_equal(list(f), "6755 7:8 su = x\n");
}

UNPACK_TEST(new_files_in_a_setgid_directory_have_their_own_group) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        skip_unless_root();
        tar_file(tar, "before", "x");
        tar_add(tar, &(TarEntry){ .type = '5', .name = "d", .mode = 02755, .gid = 50 });
        tar_file(tar, "d/first", "x");
        tar_dir(tar, "d/dir");
        tar_symlink(tar, "d/link", "x");
        run_well(f);
        assert_string_equal(
                list(f),
                "0644 before = x\n"
                "2755 0:50 d/\n"
                "0755 d/dir/\n"
                "0644 d/first = x\n"
                "0777 d/link -> x\n");
}

UNPACK_TEST(device_nodes_are_made) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        skip_unless_root();
        tar_add(tar,
                &(TarEntry){ .type = '3', .name = "null", .mode = 0666, .major = 1, .minor = 3 });
        tar_add(tar,
                &(TarEntry){
                        .type = '4', .name = "disk", .gid = 6, .major = 259, .minor = 1000000 });
        run_well(f);
        assert_string_equal(list(f), "0644 0:6 disk b 259:1000000\n0666 null c 1:3\n");
}

UNPACK_TEST(sockets_are_left_out_with_a_warning) {
        const UnpackMeta meta = { .type = UNPACK_SOCKET, .mode = 0644 };
        _cleanup_(unpack_target_freep) UnpackTarget *target = NULL;
        _cleanup_(unpack_tree_freep) UnpackTree *tree = NULL;
        Fixture *f = *state;
        UnpackFile *file;
        UnpackPath path;

        /* No tar format has them, so they cannot come from there. */
        assert_int_equal(unpack_directory_new(f->fd, false, &target, NULL), 0);
        target->warning = on_warning;
        target->warning_userdata = f;
        assert_int_equal(unpack_tree_new(target, &f->options.limits, 0, 0, &tree, NULL), 0);
        unpack_tree_begin_layer(tree);
        assert_int_equal(unpack_path_init(&path, "a/socket", 8, &f->options.limits, NULL), 0);
        assert_int_equal(unpack_tree_entry(tree, &path, &meta, &file, NULL), 0);
        assert_int_equal(unpack_tree_end_layer(tree, NULL), 0);
        assert_int_equal(unpack_tree_flush(tree, NULL), 0);
        assert_int_equal(f->n_warnings, 1);
        assert_int_equal(faccessat(f->fd, "a/socket", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

UNPACK_TEST(mode_field_does_not_make_a_socket) {
        Fixture *f = *state;

        tar_add(layer_add(f), &(TarEntry){ .name = "file", .content = "x", .mode = 0140644 });
        run_well(f);
        assert_string_equal(list(f), "0644 file = x\n");
}

UNPACK_TEST(sparse_file_of_gnu_stays_sparse) {
        static const char map[] = "1\n1048576\n4\n";
        uint8_t block[TAR_BLOCK] = { 0 };
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        struct stat st;

        /* Version 1.0: the map is in front of the content. */
        pax_add(&records, "GNU.sparse.major", "1", 1);
        pax_add(&records, "GNU.sparse.minor", "0", 1);
        pax_add(&records, "GNU.sparse.name", "dir/sparse" DECOMPOSED, 10 + 3);
        pax_add(&records, "GNU.sparse.realsize", "2097152", 7);
        tar_extra(tar, 'x', records.data, records.size);
        memcpy(block, map, strlen(map));
        tar_add(tar, &(TarEntry){ .name = "GNUSparseFile.1/x", .size = 516 });
        bytes_add(tar, block, sizeof(block));
        bytes_add(tar, "data", 4);
        bytes_pad(tar);
        tar_file(tar, "after", "x");
        run_well(f);
        st = stat_of(f, "dir/sparse" DECOMPOSED);
        assert_int_equal(st.st_size, 2097152);
        assert_true(st.st_blocks <= 16);
        assert_int_equal(stat_of(f, "after").st_size, 1);
}

UNPACK_TEST(sparse_file_of_old_gnu_stays_sparse) {
        uint8_t block[TAR_BLOCK] = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_fill_header(block, &(TarEntry){ .type = 'S', .name = "sparse", .size = 4 }, 4);
        memcpy(block + 257, "ustar  ", 8);
        memset(block + 345, 0, 155);
        tar_number(block + 386, 12, 1048576);
        tar_number(block + 398, 12, 4);
        tar_number(block + 483, 12, 3145728);
        tar_checksum(block);
        bytes_add(tar, block, sizeof(block));
        bytes_add(tar, "data", 4);
        bytes_pad(tar);
        tar_file(tar, "after", "x");
        run_well(f);
        assert_int_equal(stat_of(f, "sparse").st_size, 3145728);
        assert_true(stat_of(f, "sparse").st_blocks <= 16);
        assert_int_equal(stat_of(f, "after").st_size, 1);
}

UNPACK_TEST(long_names_of_gnu_and_pax_are_read) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_extra(tar, 'L', "gnu/" LONG_NAME, strlen("gnu/" LONG_NAME) + 1);
        tar_file(tar, "short", "1");
        tar_extra(tar, 'K', "gnu/" LONG_NAME, strlen("gnu/" LONG_NAME) + 1);
        tar_symlink(tar, "link", "short");
        tar_pax(tar, "path", "pax/" LONG_NAME);
        tar_file(tar, "short", "2");
        tar_add(tar, &(TarEntry){ .name = "name", .prefix = "prefix/of/ustar", .content = "3" });
        tar_pax(tar, "linkpath", "pax/" LONG_NAME);
        tar_hardlink(tar, "hard", "short");
        run_well(f);
        assert_int_equal(stat_of(f, "gnu/" LONG_NAME).st_size, 1);
        assert_int_equal(stat_of(f, "link").st_size, strlen("gnu/" LONG_NAME));
        assert_int_equal(stat_of(f, "pax/" LONG_NAME).st_ino, stat_of(f, "hard").st_ino);
        assert_int_equal(stat_of(f, "prefix/of/ustar/name").st_size, 1);
}

UNPACK_TEST(names_are_bytes) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "latin-\xe9", "1");
        tar_file(tar, "question?", "1");
        tar_pax(tar, "path", "pax-" DECOMPOSED);
        tar_file(tar, "x", "2");
        tar_pax(tar, "path", "pax-\xff\xfe");
        tar_file(tar, "x", "3");
        tar_pax(tar, "linkpath", "target-" DECOMPOSED "-\xff");
        tar_symlink(tar, "link", "x");
        tar_pax(tar, "linkpath", "pax-\xff\xfe");
        tar_hardlink(tar, "hard", "x");
        tar_pax(tar, "path", "dir-\xff/");
        tar_add(tar, &(TarEntry){ .type = '5', .name = "x" });
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 dir-\xff/\n"
                "0644 hard = 3\n"
                "0644 latin-\xe9 = 1\n"
                "0777 link -> target-" DECOMPOSED
                "-\xff\n"
                "0644 pax-" DECOMPOSED
                " = 2\n"
                "0644 pax-\xff\xfe = 3\n"
                "0644 question? = 1\n");
        assert_int_equal(stat_of(f, "hard").st_ino, stat_of(f, "pax-\xff\xfe").st_ino);
}

UNPACK_TEST(large_ids_in_base_256_are_read) {
        Fixture *f = *state;

        skip_unless_root();
        tar_add(layer_add(f), &(TarEntry){ .name = "a", .uid = 4294967294, .gid = 3000000 });
        run_well(f);
        assert_string_equal(list(f), "0644 4294967294:3000000 a = \n");
}

UNPACK_TEST(times_have_nanoseconds) {
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        pax_add(&records, "mtime", "1234567890.123456789", 20);
        pax_add(&records, "atime", "1234567891.000000001", 20);
        tar_extra(tar, 'x', records.data, records.size);
        tar_file(tar, "file", "x");
        tar_extra(tar, 'x', records.data, records.size);
        tar_symlink(tar, "link", "x");
        tar_extra(tar, 'x', records.data, records.size);
        tar_dir(tar, "dir");
        tar_pax(tar, "mtime", "-1.5");
        tar_file(tar, "old", "x");
        run_well(f);
        for (int i = 0; i < 3; i++) {
                const struct stat st = stat_of(f, i == 0 ? "file" : i == 1 ? "link" : "dir");

                assert_int_equal(st.st_mtim.tv_sec, 1234567890);
                assert_int_equal(st.st_mtim.tv_nsec, 123456789);
                assert_int_equal(st.st_atim.tv_sec, 1234567891);
                assert_int_equal(st.st_atim.tv_nsec, 1);
        }
        assert_true(stat_of(f, "old").st_mtim.tv_sec < 0);
}

UNPACK_TEST(pax_size_counts_before_that_of_ustar) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax(tar, "size", "5");
        tar_add(tar, &(TarEntry){ .name = "a", .content = "12345", .size = 3 });
        tar_file(tar, "b", "x");
        run_well(f);
        assert_string_equal(list(f), "0644 a = 12345\n0644 b = x\n");
}

UNPACK_TEST(hard_link_with_a_size_and_no_content_is_a_link) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "a", "abc");
        tar_add(tar, &(TarEntry){ .type = '1', .name = "b", .link = "a", .size = 3 });
        tar_file(tar, "c", "x");
        run_well(f);
        assert_int_equal(stat_of(f, "a").st_ino, stat_of(f, "b").st_ino);
        assert_string_equal(list(f), "0644 a = abc\n0644 b = abc\n0644 c = x\n");
}

UNPACK_TEST(name_with_a_slash_at_its_end_is_a_directory) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_add(tar, &(TarEntry){ .name = "old/", .mode = 0755 });
        run_well(f);
        assert_string_equal(list(f), "0755 old/\n");
}

UNPACK_TEST(user_without_privileges_gets_what_is_possible) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        f->unprivileged = true;
        tar_add(tar, &(TarEntry){ .type = '5', .name = "closed", .no_mode = true, .uid = 7 });
        tar_add(tar, &(TarEntry){ .name = "closed/file", .content = "x", .no_mode = true });
        tar_add(tar, &(TarEntry){ .type = '3', .name = "null", .major = 1, .minor = 3 });
        tar_add(tar, &(TarEntry){ .type = '4', .name = "disk", .major = 8, .minor = 3 });
        tar_pax_bytes(tar, "SCHILY.xattr.trusted.x", "x", 1);
        tar_add(tar, &(TarEntry){ .name = "a", .content = "x", .mode = 0444, .uid = 7, .gid = 8 });
        tar_pax_bytes(tar, "SCHILY.xattr.user.x", "value", 5);
        tar_add(tar, &(TarEntry){ .name = "b", .content = "x", .mode = 0400 });
        tar = layer_add(f);
        tar_file(tar, "closed/.wh.file", "");
        tar_file(tar, "closed/new", "y");
        run_well(f);
        assert_int_equal(f->n_warnings, 1);
        assert_string_equal(
                f->warnings,
                "Not kept in the directory: owners (2 entries, such as \"closed\"), device nodes (2 entries, such as "
                "\"null\"), extended attributes that only root can write; the format qcow2 keeps everything");
        assert_int_equal(stat_of(f, "closed").st_mode & 07777, 0);
        assert_int_equal(stat_of(f, "a").st_uid, geteuid());
        assert_int_equal(stat_of(f, "a").st_mode & 07777, 0444);
        assert_int_equal(stat_of(f, "b").st_mode & 07777, 0400);
        assert_int_equal(xattr_of(f, "b", "user.x", NULL, 0), 5);
        assert_int_equal(fchmodat(f->fd, "closed", 0700, 0), 0);
        assert_string_equal(
                list(f),
                "0444 a = x\n"
                "0400 b = x\n"
                "0700 closed/\n"
                "0644 closed/new = y\n");
}
