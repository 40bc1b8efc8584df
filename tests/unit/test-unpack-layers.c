/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"

UNPACK_TEST(upper_entry_through_a_lower_link_is_followed_inside_the_root) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_dir(tar, "run");
        tar_dir(tar, "usr/lib");
        tar_symlink(tar, "var/run", "/run");
        tar_symlink(tar, "lib", "usr/lib");
        tar_symlink(tar, "var/up", "../../../../usr");

        tar = layer_add(f);
        tar_file(tar, "var/run/x", "1");
        tar_file(tar, "lib/x", "2");
        tar_file(tar, "var/up/lib/y", "3");
        run_well(f);
        assert_string_equal(
                list(f),
                "0777 lib -> usr/lib\n"
                "0755 run/\n"
                "0644 run/x = 1\n"
                "0755 usr/\n"
                "0755 usr/lib/\n"
                "0644 usr/lib/x = 2\n"
                "0644 usr/lib/y = 3\n"
                "0755 var/\n"
                "0777 var/run -> /run\n"
                "0777 var/up -> ../../../../usr\n");
}

UNPACK_TEST(target_of_a_dangling_parent_is_made_inside_the_root) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_symlink(tar, "link", "/nowhere/else");
        tar_file(tar, "link/x", "x");
        run_well(f);
        assert_string_equal(
                list(f),
                "0777 link -> /nowhere/else\n"
                "0755 nowhere/\n"
                "0755 nowhere/else/\n"
                "0644 nowhere/else/x = x\n");
}

UNPACK_TEST(parent_that_is_a_file_is_replaced_by_a_directory) {
        Fixture *f = *state;

        tar_file(layer_add(f), "a", "file");
        tar_file(layer_add(f), "a/b/c", "x");
        run_well(f);
        assert_string_equal(list(f), "0755 a/\n0755 a/b/\n0644 a/b/c = x\n");
}

UNPACK_TEST(directory_over_a_link_to_a_directory_replaces_the_link) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "real/file", "x");
        tar_symlink(tar, "link", "real");
        tar = layer_add(f);
        tar_dir(tar, "link/");
        tar_file(tar, "link/new", "y");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 link/\n"
                "0644 link/new = y\n"
                "0755 real/\n"
                "0644 real/file = x\n");
}

TEST(each_type_replaces_each_other) {
        static const TarEntry kinds[] = {
                { .type = '0', .name = "x/y", .content = "file" }, { .type = '5', .name = "x/y" },
                { .type = '2', .name = "x/y", .link = "target" },  { .type = '6', .name = "x/y" },
                { .type = '1', .name = "x/y", .link = "other" },
        };
        static const char *const wanted[] = {
                "0644 x/y = file\n", "0755 x/y/\n",        "0777 x/y -> target\n",
                "0644 x/y p\n",      "0644 x/y = other\n",
        };

        for (size_t i = 0; i < 5; i++)
                for (size_t k = 0; k < 5; k++)
                        for (int same_layer = 0; same_layer < 2; same_layer++) {
                                Fixture *f;
                                Bytes *tar;

                                assert_int_equal(set_up((void **) &f), 0);
                                tar = layer_add(f);
                                tar_file(tar, "other", "other");
                                tar_add(tar, &kinds[i]);
                                if (kinds[i].type == '5')
                                        tar_file(tar, "x/y/deep/file", "lower");
                                if (!same_layer)
                                        tar = layer_add(f);
                                tar_add(tar, &kinds[k]);
                                run_well(f);
                                assert_non_null(strstr(list(f), wanted[k]));
                                if (kinds[i].type == '5' && kinds[k].type == '5')
                                        assert_non_null(strstr(f->text, "x/y/deep/file = lower\n"));
                                assert_int_equal(tear_down((void **) &f), 0);
                        }
}

UNPACK_TEST(paths_that_would_leave_stay_inside_the_root) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "../a", "1");
        tar_file(tar, "/b", "2");
        tar_file(tar, "x/../../c", "3");
        tar_file(tar, "//./d//../e", "4");
        tar_symlink(tar, "out", "../../../../../../tmp");
        tar_file(tar, "out/f", "5");
        run_well(f);
        assert_string_equal(
                list(f),
                "0644 a = 1\n"
                "0644 b = 2\n"
                "0644 c = 3\n"
                "0644 e = 4\n"
                "0777 out -> ../../../../../../tmp\n"
                "0755 tmp/\n"
                "0644 tmp/f = 5\n");
}

UNPACK_TEST(root_entry_gives_the_root_its_mode) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_add(tar, &(TarEntry){ .type = '5', .name = "./", .mode = 0711 });
        tar_file(tar, "./file", "x");
        run_well(f);
        assert_int_equal(stat_of(f, ".").st_mode & 07777, 0711);
        assert_int_equal(stat_of(f, ".").st_mtime, 1000000000);
        assert_string_equal(list(f), "0644 file = x\n");
}

UNPACK_TEST(root_entry_that_is_no_directory_is_refused) {
        static const TarEntry entries[] = {
                { .type = '0', .name = "." },
                { .type = '2', .name = "/", .link = "/tmp" },
                { .type = '1', .name = "a/..", .link = "file" },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < 3; i++) {
                Bytes *tar = layer_add(f);

                tar_file(tar, "file", "x");
                tar_add(tar, &entries[i]);
                /* libarchive takes a file whose name ends in a slash for a directory. */
                run_badly(f, ERROR_UNSAFE_ARCHIVE);
                error_clear(&f->error);
                bytes_done(tar);
                f->n_layers = 0;
        }
}

UNPACK_TEST(hard_link_across_layers_is_the_same_inode) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "a", "x");
        tar_symlink(tar, "link", "a");
        tar_symlink(tar, "d", "/real");
        tar_file(tar, "real/y", "y");
        tar = layer_add(f);
        tar_hardlink(tar, "b", "a");
        tar_hardlink(tar, "c", "/../a");
        tar_hardlink(tar, "link2", "link");
        tar_hardlink(tar, "e", "d/y");
        run_well(f);
        assert_int_equal(stat_of(f, "a").st_ino, stat_of(f, "b").st_ino);
        assert_int_equal(stat_of(f, "a").st_ino, stat_of(f, "c").st_ino);
        assert_int_equal(stat_of(f, "link").st_ino, stat_of(f, "link2").st_ino);
        assert_int_equal(stat_of(f, "real/y").st_ino, stat_of(f, "e").st_ino);
        assert_true(S_ISLNK(stat_of(f, "link2").st_mode));
}

UNPACK_TEST(hard_link_over_its_own_target_leaves_it) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "a", "x");
        tar_hardlink(tar, "a", "./a");
        tar_hardlink(tar, "b", "a");
        tar_hardlink(tar, "b", "a");
        run_well(f);
        assert_string_equal(list(f), "0644 a = x\n0644 b = x\n");
}

UNPACK_TEST(file_over_a_hard_link_leaves_the_other_names_alone) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "a", "old");
        tar_hardlink(tar, "b", "a");
        tar_file(layer_add(f), "a", "new");
        run_well(f);
        assert_string_equal(list(f), "0644 a = new\n0644 b = old\n");
}

UNPACK_TEST(hard_link_to_what_is_not_there_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_hardlink(tar, "b", "a");
        tar_file(tar, "a", "x");
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
        assert_non_null(strstr(f->error.message, "\"a\""));
}

UNPACK_TEST(hard_link_to_a_directory_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_dir(tar, "a");
        tar_hardlink(tar, "b", "a");
        run_badly(f, ERROR_UNSAFE_ARCHIVE);
}

UNPACK_TEST(last_of_two_entries_wins) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "a", "first");
        tar_add(tar, &(TarEntry){ .name = "./a", .content = "second", .mode = 0600 });
        run_well(f);
        assert_string_equal(list(f), "0600 a = second\n");
}

UNPACK_TEST(missing_parents_belong_to_the_mapped_root) {
        Fixture *f = *state;

        skip_unless_root();
        f->options.uids = &f->uids;
        f->options.gids = &f->gids;
        assert_int_equal(idmap_add(&f->uids, &(IdRange){ 0, 100000, 1000 }, NULL), 0);
        assert_int_equal(idmap_add(&f->gids, &(IdRange){ 0, 200000, 10 }, NULL), 0);
        tar_add(layer_add(f), &(TarEntry){ .name = "a/b/c", .uid = 5, .gid = 10 });
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 100000:200000 a/\n"
                "0755 100000:200000 a/b/\n"
                "0644 100005:10 a/b/c = \n");
}

UNPACK_TEST(directory_over_a_directory_takes_its_place_and_keeps_the_content) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr.user.old", "x", 1);
        tar_add(tar, &(TarEntry){ .type = '5', .name = "d", .mode = 0700, .mtime = 1 });
        tar_file(tar, "d/file", "x");
        tar = layer_add(f);
        tar_add(tar, &(TarEntry){ .type = '5', .name = "d", .mode = 01777, .mtime = 5 });
        run_well(f);
        assert_string_equal(list(f), "1777 d/\n0644 d/file = x\n");
        assert_int_equal(stat_of(f, "d").st_mtime, 5);
        assert_int_equal(xattr_of(f, "d", "user.old", NULL, 0), -1);
}

UNPACK_TEST(times_of_directories_are_the_archives) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_add(tar, &(TarEntry){ .type = '5', .name = "a", .mtime = 11 });
        tar_add(tar, &(TarEntry){ .type = '5', .name = "a/b", .mtime = 22 });
        tar_file(tar, "a/b/file", "x");
        tar_file(tar, "a/gone", "x");
        tar_file(tar, "c/file", "x");

        /* Without an entry of its own a directory keeps its times, whatever happens inside. */
        tar = layer_add(f);
        tar_file(tar, "a/.wh.gone", "");
        tar_file(tar, "a/b/new", "x");
        tar_hardlink(tar, "a/b/link", "a/b/file");
        run_well(f);
        assert_int_equal(stat_of(f, "a").st_mtime, 11);
        assert_int_equal(stat_of(f, "a").st_atime, 11);
        assert_int_equal(stat_of(f, "a/b").st_mtime, 22);
        assert_int_equal(stat_of(f, "c").st_mtime, 1000000000);
        assert_int_equal(stat_of(f, "a/b/file").st_mtime, 1000000000);
}

UNPACK_TEST(more_directories_than_are_kept_open_all_get_their_times) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[64];

        for (int round = 0; round < 2; round++)
                for (int i = 0; i < 50; i++)
                        for (int k = 0; k < 20; k++) {
                                (void) snprintf(name, sizeof(name), "d%d/e%d", i, k);
                                if (round == 0)
                                        tar_add(tar, &(TarEntry){ .type = '5',
                                                                  .name = name,
                                                                  .mtime = 7 + k });
                                (void) snprintf(name, sizeof(name), "d%d/e%d/f%d", i, k, round);
                                tar_file(tar, name, "");
                        }
        run_well(f);
        for (int i = 0; i < 50; i++)
                for (int k = 0; k < 20; k++) {
                        (void) snprintf(name, sizeof(name), "d%d/e%d", i, k);
                        assert_int_equal(stat_of(f, name).st_mtime, 7 + k);
                }
}

/* Adds @depth directories whose name is @letter, each in the one before, and returns the path of the last. */
static char *add_deep(Bytes *tar, char letter, int depth) {
        char *path = calloc(1, 2 * (size_t) depth + 8);

        assert_non_null(path);
        for (int i = 0; i < depth; i++) {
                path[2 * i] = letter;
                path[2 * i + 1] = '/';
        }
        tar_extra(tar, 'L', path, strlen(path) + 1);
        tar_dir(tar, "deep");
        return path;
}

/* Neither path leaves room for the other one among the directories that are kept open. */
UNPACK_TEST(hard_link_leads_from_one_deep_directory_to_another) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        _cleanup_(freep) char *from = add_deep(tar, 'a', 100), *to = add_deep(tar, 'b', 150);

        (void) strcat(from, "file");
        (void) strcat(to, "link");
        tar_extra(tar, 'L', from, strlen(from) + 1);
        tar_file(tar, "deep", "content");
        for (int i = 0; i < 2; i++) {
                tar_extra(tar, 'L', to, strlen(to) + 1);
                tar_extra(tar, 'K', from, strlen(from) + 1);
                tar_hardlink(tar, "deep", "deep");
        }
        run_well(f);
        assert_int_equal(stat_of(f, to).st_ino, stat_of(f, from).st_ino);
        assert_int_equal(stat_of(f, to).st_nlink, 2);
}

UNPACK_TEST(pax_global_header_is_ignored) {
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        pax_add(&records, "mode", "0777", 4);
        pax_add(&records, "comment", "0123456789abcdef", 16);
        tar_extra(tar, 'g', records.data, records.size);
        tar_file(tar, "file", "x");
        run_well(f);
        assert_string_equal(list(f), "0644 file = x\n");
}

UNPACK_TEST(content_behind_the_end_marker_is_not_unpacked) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "file", "x");
        tar_end(tar);
        tar_file(tar, "hidden", "x");
        tar_end(tar);
        tar = layer_add(f);
        tar_end(tar);
        tar_file(layer_add(f), "third", "x");
        run_well(f);
        assert_string_equal(list(f), "0644 file = x\n0644 third = x\n");
        assert_int_equal(f->progress.files, 2);
        assert_int_equal(
                f->progress.consumed, f->layers[0].size + f->layers[1].size + f->layers[2].size);
}

/* What a target sees at the ends of layers. */
typedef struct LayerEnds {
        UnpackTargetOps ops;
        unsigned n;
        int64_t dir_sec[4], root_sec[4];
        bool fails;
} LayerEnds;

static Fixture *ends_fixture;
static LayerEnds *ends;

static int on_end_layer(UnpackTarget *target, Error *error) {
        assert_true(ends->n < 4);
        ends->dir_sec[ends->n] = stat_of(ends_fixture, "d").st_mtim.tv_sec;
        ends->root_sec[ends->n++] = stat_of(ends_fixture, ".").st_mtim.tv_sec;
        return ends->fails ? error_set(error, EIO, ERROR_FAILED, "full") : 0;
}

static int run_with_ends(Fixture *f) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = open_target(f);

        ends_fixture = f;
        ends->ops = *target->ops;
        ends->ops.end_layer = on_end_layer;
        target->ops = &ends->ops;
        return run_into(f, target);
}

UNPACK_TEST(target_is_told_the_end_of_each_layer_when_all_times_are_written) {
        LayerEnds own = { 0 };
        Fixture *f = *state;
        Bytes *tar;

        for (int i = 0; i < 3; i++) {
                tar = layer_add(f);
                tar_add(tar,
                        &(TarEntry){ .type = '5', .name = "./", .mode = 0755, .mtime = 20 + i });
                tar_add(tar,
                        &(TarEntry){ .type = '5', .name = "d", .mode = 0755, .mtime = 10 + i });
                tar_file(tar, i == 1 ? "d/.wh.file" : "d/file", "x");
        }

        ends = &own;
        assert_int_equal(run_with_ends(f), 0);
        assert_int_equal(own.n, 3);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(own.dir_sec[i], 10 + i);
                assert_int_equal(own.root_sec[i], 20 + i);
        }
        assert_string_equal(list(f), "0755 d/\n0644 d/file = x\n");

        own = (LayerEnds){ .fails = true };
        assert_int_equal(run_with_ends(f), -EIO);
        assert_int_equal(own.n, 1);
}
