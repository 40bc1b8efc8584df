/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"

static void run_badly_naming(Fixture *f, ErrorKind kind, const char *text) {
        run_badly(f, kind);
        if (!strstr(f->error.message, text))
                fail_msg("\"%s\" is not in \"%s\"", text, f->error.message);
}

UNPACK_TEST(owner_that_is_no_id_is_refused) {
        static const TarEntry entries[] = {
                { .name = "a", .uid = 0xffffffff },
                { .name = "a", .gid = 0xffffffff },
                { .name = "a", .uid = UINT64_C(0x100000000) },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < 3; i++) {
                tar_add(layer_add(f), &entries[i]);
                run_badly_naming(
                        f, ERROR_UNSAFE_ARCHIVE, "Cannot unpack \"a\": Its owner or group");
                error_clear(&f->error);
                bytes_done(&f->layers[0]);
                f->n_layers = 0;
        }

        tar_pax(layer_add(f), "uid", "-1");
        tar_file(&f->layers[0], "a", "x");
        run_badly_naming(f, ERROR_UNSAFE_ARCHIVE, "Its owner or group");
}

UNPACK_TEST(device_number_of_more_than_32_bits_is_refused) {
        Fixture *f = *state;

        tar_add(layer_add(f), &(TarEntry){ .type = '3', .name = "a", .major = 4096, .minor = 0 });
        run_badly_naming(f, ERROR_UNSAFE_ARCHIVE, "device number");
        error_clear(&f->error);
        bytes_done(&f->layers[0]);
        tar_add(&f->layers[0],
                &(TarEntry){ .type = '3', .name = "a", .major = 1, .minor = UINT64_C(1) << 33 });
        run_badly_naming(f, ERROR_UNSAFE_ARCHIVE, "device number");
}

UNPACK_TEST(pax_size_that_lies_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax(tar, "size", "100000");
        tar_file(tar, "a", "x");
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(parts_of_a_sparse_file_that_overlap_are_refused) {
        static const char *const maps[] = { "2\n8192\n512\n0\n4\n", "2\n0\n512\n256\n4\n" };

        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bytes_done) Bytes records = { 0 };
                uint8_t block[TAR_BLOCK] = { 0 };
                Fixture *f = *state;
                Bytes *tar = i == 0 ? layer_add(f) : &f->layers[0];

                error_clear(&f->error);
                bytes_done(tar);
                pax_add(&records, "GNU.sparse.major", "1", 1);
                pax_add(&records, "GNU.sparse.minor", "0", 1);
                pax_add(&records, "GNU.sparse.name", "sparse", 6);
                pax_add(&records, "GNU.sparse.realsize", "16384", 5);
                tar_extra(tar, 'x', records.data, records.size);
                memcpy(block, maps[i], strlen(maps[i]));
                tar_add(tar, &(TarEntry){ .name = "GNUSparseFile.1/x", .size = 2 * TAR_BLOCK + 4 });
                bytes_add(tar, block, sizeof(block));
                memset(block, 'x', sizeof(block));
                bytes_add(tar, block, sizeof(block));
                bytes_add(tar, "data", 4);
                bytes_pad(tar);
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
        }
}

UNPACK_TEST(huge_size_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_add(tar, &(TarEntry){ .name = "a", .content = "x", .size = UINT64_C(1) << 62 });
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(path_over_the_limit_is_refused) {
        _cleanup_(freep) char *path = malloc(5001);
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (size_t i = 0; i < 5000; i++)
                path[i] = i % 100 == 99 ? '/' : 'a';
        path[5000] = '\0';
        tar_pax(tar, "path", path);
        tar_file(tar, "a", "x");
        run_badly_naming(f, ERROR_LIMIT_EXCEEDED, "4095");
        error_clear(&f->error);

        bytes_done(tar);
        path[4095] = '\0';
        tar_pax(tar, "path", path);
        tar_file(tar, "a", "x");
        run_well(f);
}

UNPACK_TEST(name_over_the_limit_is_refused) {
        char name[300];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        memset(name, 'a', sizeof(name));
        name[256] = '\0';
        tar_extra(tar, 'L', name, 257);
        tar_file(tar, "a", "x");
        run_badly_naming(f, ERROR_LIMIT_EXCEEDED, "255");
        error_clear(&f->error);

        bytes_done(tar);
        name[255] = '\0';
        tar_extra(tar, 'L', name, 256);
        tar_file(tar, "a", "x");
        run_well(f);
        assert_int_equal(stat_of(f, name).st_size, 1);
}

UNPACK_TEST(depth_over_the_limit_is_refused) {
        char path[256];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (size_t i = 0; i < 100; i++)
                memcpy(path + 2 * i, "d/", 3);
        f->options.limits.depth = 99;
        tar_extra(tar, 'L', path, 201);
        tar_dir(tar, "a");
        run_badly_naming(f, ERROR_LIMIT_EXCEEDED, "99");
        error_clear(&f->error);
        f->options.limits.depth = 100;
        run_well(f);
}

UNPACK_TEST(depth_over_the_limit_by_way_of_links_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        f->options.limits.depth = 6;
        tar_dir(tar, "a/b/c/d");
        tar_symlink(tar, "l", "a/b/c/d");
        tar_file(tar, "l/e/f", "x");
        tar_file(tar, "l/e/f/g/h", "x");
        run_badly_naming(f, ERROR_LIMIT_EXCEEDED, "6");
}

UNPACK_TEST(deepest_path_is_unpacked_and_removed) {
        char path[2049];
        Fixture *f = *state;

        for (size_t i = 0; i < 400; i++)
                memcpy(path + 2 * i, "d/", 3);
        tar_extra(layer_add(f), 'L', path, strlen(path) + 1);
        tar_dir(&f->layers[0], "a");
        tar_file(layer_add(f), ".wh.d", "");
        run_well(f);
        assert_string_equal(list(f), "");
}

UNPACK_TEST(entries_have_a_ceiling) {
        Fixture *f = *state;

        f->options.limits.entries = 3;
        tar_file(layer_add(f), "a", "x");
        tar_file(&f->layers[0], "b", "x");
        tar_file(layer_add(f), "c", "x");
        run_well(f);
        tar_file(&f->layers[1], "d", "x");
        run_badly_naming(f, ERROR_LIMIT_EXCEEDED, "3 entries");
}

UNPACK_TEST(headers_over_the_limit_are_refused) {
        static const char types[] = { 'x', 'L', 'K', 'g' };
        _cleanup_(freep) char *text = calloc(1, 3 << 20);
        Fixture *f = *state;

        memset(text, 'a', (3 << 20) - 1);
        for (size_t i = 0; i < sizeof(types); i++) {
                Bytes *tar = layer_add(f);

                tar_file(tar, "before", "x");
                if (types[i] == 'x' || types[i] == 'g') {
                        _cleanup_(bytes_done) Bytes records = { 0 };

                        pax_add(&records, "comment", text, (3 << 20) - 1);
                        tar_extra(tar, types[i], records.data, records.size);
                } else
                        tar_extra(tar, types[i], text, 3 << 20);
                tar_file(tar, "a", "x");
                run_badly_naming(f, ERROR_LIMIT_EXCEEDED, "headers");
                error_clear(&f->error);
                bytes_done(tar);
                f->n_layers = 0;
        }
}

UNPACK_TEST(endless_headers_are_refused) {
        _cleanup_(freep) char *text = calloc(1, 100000);
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        memset(text, 'a', 99999);
        pax_add(&records, "comment", text, 99999);
        for (int i = 0; i < 30; i++)
                tar_extra(tar, 'x', records.data, records.size);
        tar_file(tar, "a", "x");
        assert_true(run(f) < 0);
        assert_true(
                f->error.kind == ERROR_LIMIT_EXCEEDED || f->error.kind == ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(large_headers_across_chunks_are_read) {
        _cleanup_(freep) char *text = calloc(1, 900000);
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        memset(text, 'a', 899999);
        pax_add(&records, "comment", text, 899999);
        pax_add(&records, "path", "named-\xff", 7);
        tar_file(tar, "before", "x");
        tar_extra(tar, 'x', records.data, records.size);
        tar_file(tar, "a", "x");
        tar_file(tar, "after", "x");
        run_well(f);
        assert_string_equal(list(f), "0644 after = x\n0644 before = x\n0644 named-\xff = x\n");
}

UNPACK_TEST(malformed_pax_records_are_refused) {
        static const char *const records[] = {
                "99 path=x\n", "11 path=abc",          "7 path\n", "x path=y\n", "0 path=y\n",
                "4 =\n",       "12 path=abc\n13 path",
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
                Bytes *tar = layer_add(f);

                tar_extra(tar, 'x', records[i], strlen(records[i]));
                tar_file(tar, "a", "x");
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                error_clear(&f->error);
                bytes_done(tar);
                f->n_layers = 0;
        }
}

UNPACK_TEST(path_with_a_nul_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "path", "a\0b", 3);
        tar_file(tar, "x", "x");
        run_badly(f, ERROR_UNSAFE_ARCHIVE);
        error_clear(&f->error);
        bytes_done(tar);
        tar_pax_bytes(tar, "linkpath", "a\0b", 3);
        tar_symlink(tar, "x", "x");
        run_badly(f, ERROR_UNSAFE_ARCHIVE);
}

UNPACK_TEST(links_in_a_circle_are_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_symlink(tar, "a", "b");
        tar_symlink(tar, "b", "a");
        tar_file(tar, "a/x", "x");
        run_badly_naming(f, ERROR_UNSAFE_ARCHIVE, "symbolic links");
}

UNPACK_TEST(links_that_grow_the_path_are_refused) {
        char target[3100];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (size_t i = 0; i < 1000; i++)
                memcpy(target + 3 * i, "./a", 4);
        for (size_t i = 0; i < 1000; i++)
                memcpy(target + 3 * i, "a/.", 3);
        tar_pax(tar, "linkpath", target);
        tar_symlink(tar, "a", "x");
        tar_file(tar, "a/x", "x");
        assert_true(run(f) < 0);
        assert_true(f->error.kind == ERROR_LIMIT_EXCEEDED || f->error.kind == ERROR_UNSAFE_ARCHIVE);
}

UNPACK_TEST(link_out_of_the_root_does_not_touch_what_is_outside) {
        char outside[] = "/tmp/test-unpack-outside-XXXXXX", path[64];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        assert_non_null(mkdtemp(outside));
        tar_symlink(tar, "abs", outside);
        tar_symlink(tar, "d/up", "../../../../../../../../../../../../tmp");
        (void) snprintf(path, sizeof(path), "d/up/%s/y", outside + 5);
        tar_file(tar, "abs/x", "x");
        tar_add(tar, &(TarEntry){ .name = path, .content = "x" });
        tar_hardlink(tar, "stolen", "abs/x");
        tar_file(tar, "abs/.wh.x", "");
        run_well(f);
        assert_int_equal(rmdir(outside), 0); /* nothing is in it */
}

UNPACK_TEST(file_is_not_written_through_a_link) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "passwd", "good");
        tar_symlink(tar, "x", "passwd");
        tar_file(tar, "x", "bad");
        tar_symlink(tar, "y", "passwd");
        tar_hardlink(tar, "z", "y");
        tar_file(tar, "z", "bad");
        run_well(f);
        assert_string_equal(
                list(f),
                "0644 passwd = good\n"
                "0644 x = bad\n"
                "0777 y -> passwd\n"
                "0644 z = bad\n");
}

UNPACK_TEST(link_to_nothing_is_refused) {
        Fixture *f = *state;

        tar_symlink(layer_add(f), "x", "");
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
        error_clear(&f->error);
        bytes_done(&f->layers[0]);
        tar_hardlink(&f->layers[0], "x", "");
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}
