/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"

/* Two files and a directory of a lower layer. */
static void add_lower(Fixture *f) {
        Bytes *tar = layer_add(f);

        tar_dir(tar, "d");
        tar_file(tar, "d/lower", "lower");
        tar_dir(tar, "d/sub");
        tar_file(tar, "d/sub/lower", "lower");
        tar_file(tar, "file", "lower");
}

UNPACK_TEST(whiteout_removes_a_file_of_a_lower_layer) {
        Fixture *f = *state;

        add_lower(f);
        tar_file(layer_add(f), ".wh.file", "");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 d/\n"
                "0644 d/lower = lower\n"
                "0755 d/sub/\n"
                "0644 d/sub/lower = lower\n");
}

UNPACK_TEST(whiteout_removes_a_directory_with_all_that_is_in_it) {
        Fixture *f = *state;

        add_lower(f);
        tar_file(layer_add(f), ".wh.d", "");
        run_well(f);
        assert_string_equal(list(f), "0644 file = lower\n");
}

UNPACK_TEST(whiteout_before_what_the_layer_brought_leaves_that) {
        Fixture *f = *state;
        Bytes *tar;

        add_lower(f);
        tar = layer_add(f);
        tar_file(tar, ".wh.file", "");
        tar_file(tar, "file", "upper");
        tar_file(tar, ".wh.d", "");
        tar_dir(tar, "d");
        tar_file(tar, "d/upper", "upper");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 d/\n"
                "0644 d/upper = upper\n"
                "0644 file = upper\n");
}

UNPACK_TEST(whiteout_after_what_the_layer_brought_leaves_that) {
        Fixture *f = *state;
        Bytes *tar;

        add_lower(f);
        tar = layer_add(f);
        tar_file(tar, "file", "upper");
        tar_file(tar, ".wh.file", "");
        tar_dir(tar, "d");
        tar_file(tar, "d/upper", "upper");
        tar_file(tar, ".wh.d", "");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 d/\n"
                "0644 d/upper = upper\n"
                "0644 file = upper\n");
}

UNPACK_TEST(whiteout_of_a_directory_keeps_only_what_is_brought_deep_inside) {
        Fixture *f = *state;
        Bytes *tar;

        tar = layer_add(f);
        tar_add(tar, &(TarEntry){ .type = '5', .name = "d", .mode = 0700 });
        tar_add(tar, &(TarEntry){ .type = '5', .name = "d/sub", .mode = 0700 });
        tar_file(tar, "d/sub/lower", "lower");
        tar_file(tar, "d/other", "lower");

        /* Neither d nor d/sub is in the layer: as if the whiteout came first, they are made anew.
         */
        tar = layer_add(f);
        tar_file(tar, "d/sub/upper", "upper");
        tar_file(tar, ".wh.d", "");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 d/\n"
                "0755 d/sub/\n"
                "0644 d/sub/upper = upper\n");
}

UNPACK_TEST(whiteout_does_not_take_a_hard_link_to_a_brought_name_for_brought) {
        Fixture *f = *state;
        Bytes *tar;

        add_lower(f);
        tar = layer_add(f);
        tar_hardlink(tar, "other", "file");
        tar_file(tar, ".wh.file", "");
        run_well(f);
        assert_null(strstr(list(f), " file ="));
        assert_non_null(strstr(f->text, "0644 other = lower\n"));
}

UNPACK_TEST(whiteout_follows_a_lower_link_to_its_directory) {
        Fixture *f = *state;
        Bytes *tar;

        tar = layer_add(f);
        tar_dir(tar, "run");
        tar_file(tar, "run/lower", "lower");
        tar_file(tar, "run/both", "lower");
        tar_symlink(tar, "var-run", "/run");

        tar = layer_add(f);
        tar_file(tar, "var-run/both", "upper");
        tar_file(tar, "run/.wh.both", "");
        tar_file(tar, "var-run/.wh.lower", "");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 run/\n"
                "0644 run/both = upper\n"
                "0777 var-run -> /run\n");
}

UNPACK_TEST(whiteout_in_a_later_layer_removes_what_an_earlier_one_brought) {
        Fixture *f = *state;

        add_lower(f);
        tar_file(layer_add(f), "file", "upper");
        tar_file(layer_add(f), ".wh.file", "");
        tar_file(layer_add(f), "d/.wh.lower", "");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 d/\n"
                "0755 d/sub/\n"
                "0644 d/sub/lower = lower\n");
}

UNPACK_TEST(whiteout_in_the_first_layer_leaves_what_was_there_before) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        assert_int_equal(mkdirat(f->fd, "there", 0755), 0);
        tar_file(tar, ".wh.there", "");
        tar_file(tar, ".wh..wh..opq", "");
        run_well(f);
        assert_string_equal(list(f), "0755 there/\n");
}

UNPACK_TEST(whiteout_of_nothing_makes_nothing) {
        Fixture *f = *state;
        Bytes *tar;

        tar_file(layer_add(f), "file", "x");
        tar = layer_add(f);
        tar_file(tar, "a/b/.wh.c", "");
        tar_file(tar, "a/.wh..wh..opq", "");
        tar_file(tar, ".wh.nothing", "");
        tar_file(tar, "file/.wh.c", "");
        run_well(f);
        assert_string_equal(list(f), "0644 file = x\n");
}

UNPACK_TEST(opaque_hides_lower_content_and_keeps_the_directory) {
        Fixture *f = *state;
        Bytes *tar;

        add_lower(f);
        tar = layer_add(f);
        tar_file(tar, "d/.wh..wh..opq", "");
        tar_file(tar, "d/upper", "upper");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 d/\n"
                "0644 d/upper = upper\n"
                "0644 file = lower\n");
}

UNPACK_TEST(opaque_after_what_the_layer_brought_keeps_that) {
        Fixture *f = *state;
        Bytes *tar;

        add_lower(f);
        tar = layer_add(f);
        tar_file(tar, "d/upper", "upper");
        tar_file(tar, "d/sub/upper", "upper");
        tar_file(tar, "d/.wh..wh..opq", "");
        tar_file(tar, "d/.wh..wh..opq", "");
        tar_file(tar, "d/late", "upper");
        run_well(f);
        assert_string_equal(
                list(f),
                "0755 d/\n"
                "0644 d/late = upper\n"
                "0755 d/sub/\n"
                "0644 d/sub/upper = upper\n"
                "0644 d/upper = upper\n"
                "0644 file = lower\n");
}

UNPACK_TEST(opaque_at_the_root_hides_everything) {
        Fixture *f = *state;
        Bytes *tar;

        add_lower(f);
        tar = layer_add(f);
        tar_file(tar, "upper", "upper");
        tar_file(tar, ".wh..wh..opq", "");
        run_well(f);
        assert_string_equal(list(f), "0644 upper = upper\n");
}

#ifndef TEST_UNPACK_DISK
UNPACK_TEST(opaque_at_the_root_hides_nothing_of_the_daemons) {
        Fixture *f = *state;
        _cleanup_(unpack_target_freep) UnpackTarget *target = open_target(f);
        Bytes *tar;

        close(openat(f->fd, "mark", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        unpack_directory_spare(target, "mark");
        tar = layer_add(f);
        tar_file(tar, "lower", "lower");
        tar_file(tar, "d/mark", "lower");
        tar = layer_add(f);
        tar_file(tar, ".wh..wh..opq", "");
        assert_int_equal(run_into(f, target), 0);
        assert_string_equal(list(f), "0600 mark = \n");
}
#endif

/* All orders of up to four entries of the upper layer, of which the first @n count. */
static void check_orders(Fixture *f, const char *const *names, size_t n, const char *expected) {
        size_t n_orders = 1;

        for (size_t i = 2; i <= n; i++)
                n_orders *= i;
        for (size_t order = 0; order < n_orders; order++) {
                const char *left[4] = { 0 };
                size_t rest = order;
                Bytes *tar;

                memcpy(left, names, n * sizeof(names[0]));
                tar = layer_add(f);
                tar_add(tar, &(TarEntry){ .type = '5', .name = "c", .mode = 0700 });
                tar_add(tar, &(TarEntry){ .type = '5', .name = "c/d", .mode = 0700 });
                tar_file(tar, "c/d/lower", "lower");
                tar = layer_add(f);
                for (size_t i = n; i > 0; rest /= i, i--) {
                        tar_file(tar, left[rest % i], "");
                        memmove(left + rest % i, left + rest % i + 1,
                                (i - rest % i - 1) * sizeof(left[0]));
                }
                run_well(f);
                assert_string_equal(list(f), expected);

                tar_file(layer_add(f), ".wh.c", "");
                run_well(f);
                for (size_t i = 0; i < 3; i++)
                        bytes_done(&f->layers[i]);
                f->n_layers = 0;
                assert_string_equal(list(f), "");
        }
}

UNPACK_TEST(opaque_markers_in_each_other_bring_no_directory) {
        static const char *const names[] = { ".wh..wh..opq", "c/.wh..wh..opq", "c/d/.wh..wh..opq" };

        check_orders(*state, names, 2, "");
        check_orders(*state, names, 3, "");
        check_orders(*state, names + 1, 2, "0700 c/\n");
}

UNPACK_TEST(opaque_markers_in_each_other_keep_what_the_layer_brought) {
        static const char *const names[] = { "c/.wh..wh..opq", "c/d/.wh..wh..opq", "c/d/upper",
                                             ".wh..wh..opq" };

        check_orders(*state, names, 3, "0700 c/\n0755 c/d/\n0644 c/d/upper = \n");
        check_orders(*state, names, 4, "0755 c/\n0755 c/d/\n0644 c/d/upper = \n");
}

UNPACK_TEST(names_of_aufs_at_the_root_are_skipped) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_dir(tar, ".wh..wh.plnk");
        tar_file(tar, ".wh..wh.plnk/123.456", "x");
        tar_file(tar, ".wh..wh.aufs", "x");
        tar_file(tar, ".wh..wh.other", "x");
        tar_file(tar, "file", "x");
        run_well(f);
        assert_string_equal(list(f), "0644 file = x\n");
}

UNPACK_TEST(whiteout_of_the_directory_itself_is_refused) {
        static const char *const names[] = { "d/.wh.", "d/.wh..", "d/.wh..." };
        Fixture *f = *state;

        for (size_t i = 0; i < 3; i++) {
                Bytes *tar = layer_add(f);

                tar_dir(tar, "d");
                tar_file(tar, names[i], "");
                run_badly(f, ERROR_UNSAFE_ARCHIVE);
                error_clear(&f->error);
                bytes_done(tar);
                f->n_layers = 0;
        }
}

UNPACK_TEST(whiteout_of_any_type_is_one) {
        static const TarEntry entries[] = {
                { .type = '5', .name = ".wh.a" },
                { .type = '2', .name = ".wh.b", .link = "x" },
                { .type = '1', .name = ".wh.c", .link = "d" },
                { .type = '3', .name = ".wh.d" },
        };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "a", "");
        tar_file(tar, "b", "");
        tar_file(tar, "c", "");
        tar_file(tar, "d", "");
        tar_file(tar, "e", "");
        tar = layer_add(f);
        for (size_t i = 0; i < 4; i++)
                tar_add(tar, &entries[i]);
        run_well(f);
        assert_string_equal(list(f), "0644 e = \n");
}

UNPACK_TEST(many_whiteouts_in_a_directory_with_many_names_do_not_take_long) {
        Fixture *f = *state;
        Bytes *lower = layer_add(f), *upper = layer_add(f);
        char name[64];

        for (int i = 0; i < 1000; i++) {
                (void) snprintf(name, sizeof(name), "d/lower-%d", i);
                tar_file(lower, name, "");
                (void) snprintf(name, sizeof(name), "d/upper-%d", i);
                tar_file(upper, name, "");
                tar_file(upper, "d/.wh..wh..opq", "");
        }
        for (int i = 0; i < 1000; i++) {
                (void) snprintf(name, sizeof(name), "d/.wh.upper-%d", i);
                tar_file(upper, name, "");
        }
        run_well(f);
        assert_int_equal(faccessat(f->fd, "d/lower-17", F_OK, 0), -1);
        assert_int_equal(faccessat(f->fd, "d/upper-17", F_OK, 0), 0);
        assert_int_equal(faccessat(f->fd, "d/upper-999", F_OK, 0), 0);
}
