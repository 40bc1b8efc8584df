/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-ext4.h"

/* The value of a line that debugfs tells of the super block. */
static char *value_of(Fixture *f, size_t index, const char *key, char ret[static 512]) {
        const char *line;

        line = strstr(debugfs(f, index, "stats -h"), key);
        assert_non_null(line);
        line += strlen(key);
        line += strspn(line, " ");
        (void) snprintf(ret, 512, "%.*s", (int) strcspn(line, "\n"), line);
        return ret;
}

static void assert_label(Fixture *f, size_t index, const char *label) {
        char value[512];

        assert_string_equal(value_of(f, index, "volume name:", value), label);
}

static void add_files(Fixture *f) {
        Bytes *tar = layer_add(f);
        char name[32];

        for (unsigned i = 0; i < 400; i++) {
                (void) snprintf(name, sizeof(name), "d-%u/file-%u", i % 3, i);
                add_content(tar, name, 10 * i, i);
        }
        tar_pax(tar, "SCHILY.xattr.user.x", "value");
        tar_file(tar, "xattr", "x");
}

EXT4_TEST(label_is_cut_between_characters) {
        static const struct {
                const char *given, *kept;
        } rows[] = {
                { "sample", "sample" },
                { "0123456789abcdef", "0123456789abcdef" },
                { "0123456789abcdefg", "0123456789abcdef" },
                { "0123456789abcde\xc3\xa4", "0123456789abcde" },
                { "0123456789abcd\xe2\x82\xac", "0123456789abcd" },
                { "0123456789abcd\xc3\xa4", "0123456789abcd\xc3\xa4" },
                { "0123456789abcd\xc3\xa4x", "0123456789abcd\xc3\xa4" },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Fixture *f;

                assert_int_equal(tear_down(state), 0);
                assert_int_equal(set_up(state), 0);
                f = *state;
                f->disk.label = rows[i].given;
                tar_file(layer_add(f), "file", "x");
                run_well(f);
                assert_label(f, 0, rows[i].kept);
        }
}

EXT4_TEST(identity_of_its_own_leaves_what_is_below) {
        Fixture *f = *state;
        char below[512], above[512];

        f->disk.label = "below";
        add_files(f);
        run_well(f);
        assert_int_equal(ext4_set_identity(f->disk.ext4, "above", NULL), 0);
        assert_int_equal(ext4_end_layer(f->disk.ext4, NULL), 0);
        disk_check_all(&f->disk);

        assert_label(f, 0, "below");
        assert_label(f, 1, "above");
        assert_string_not_equal(value_of(f, 0, "UUID:", below), value_of(f, 1, "UUID:", above));
        assert_null(strstr(debugfs(f, 0, "features"), "metadata_csum_seed"));
        assert_non_null(strstr(debugfs(f, 1, "features"), "metadata_csum_seed"));
        assert_int_equal(f->disk.devices[1].written, DISK_BLOCK_BYTES);
        compare(f);
}

EXT4_TEST(identity_can_be_set_together_with_other_changes) {
        _cleanup_(freep) IdMap *map = calloc(1, sizeof(*map));
        Fixture *f = *state;
        struct stat st;
        int fd;

        add_files(f);
        run_well(f);
        disk_reopen(&f->disk);
        assert_int_equal(idmap_add(map, &(IdRange){ 0, 1000, 1 }, NULL), 0);
        assert_int_equal(ext4_set_identity(f->disk.ext4, "mapped", NULL), 0);
        assert_int_equal(ext4_map_owners(f->disk.ext4, map, map, NULL), 0);
        assert_int_equal(ext4_end_layer(f->disk.ext4, NULL), 0);
        disk_check_all(&f->disk);
        assert_label(f, 1, "mapped");

        fd = disk_mount(&f->disk, 1);
        if (fd < 0)
                return;
        assert_int_equal(fstatat(fd, "d-0/file-0", &st, 0), 0);
        assert_int_equal(st.st_uid, 1000);
        close(fd);
}

static int identify(Fixture *f, const char *label, Error *error) {
        Ext4Options options = disk_options(&f->disk);

        options.label = label;
        return ext4_identify(&options, error);
}

EXT4_TEST(identifying_writes_one_block_and_reads_no_more) {
        Fixture *f = *state;
        char below[512], above[512];
        unsigned n_calls;

        /* Of this size to read all bitmaps takes a while. */
        f->disk.size = 102400 * MIB;
        add_files(f);
        run_well(f);
        f->disk.ext4 = ext4_free(f->disk.ext4);
        assert_int_equal(ftruncate(f->disk.scratch_fd, 0), 0);

        n_calls = f->disk.n_calls;
        assert_int_equal(identify(f, "copy", NULL), 0);
        assert_true(f->disk.n_calls - n_calls < 10);
        assert_int_equal(f->disk.devices[1].written, DISK_BLOCK_BYTES);
        f->disk.n_done++;
        disk_check_all(&f->disk);
        assert_label(f, 1, "copy");
        assert_string_not_equal(value_of(f, 0, "UUID:", below), value_of(f, 1, "UUID:", above));
        compare(f);
}

EXT4_TEST(copy_of_a_copy_can_be_identified_and_gone_on_with) {
        Fixture *f = *state;

        add_files(f);
        run_well(f);
        for (unsigned i = 0; i < 2; i++) {
                f->disk.ext4 = ext4_free(f->disk.ext4);
                assert_int_equal(ftruncate(f->disk.scratch_fd, 0), 0);
                assert_int_equal(identify(f, i == 0 ? "one" : "two", NULL), 0);
                f->disk.n_done++;
        }
        disk_reopen(&f->disk);
        tar_file(layer_add(f), "d-0/more", "x");
        run_well(f);
        assert_label(f, f->disk.n_done - 1, "two");
        compare(f);
}

EXT4_TEST(failures_of_the_device_are_told) {
        Fixture *f = *state;
        unsigned n_calls;

        add_files(f);
        run_well(f);
        f->disk.ext4 = ext4_free(f->disk.ext4);
        assert_int_equal(ftruncate(f->disk.scratch_fd, 0), 0);
        n_calls = f->disk.n_calls;
        for (unsigned i = 1; i <= 5; i++) {
                f->disk.fails_at = n_calls + i;
                f->disk.n_calls = n_calls;
                assert_int_equal(identify(f, "x", &f->error), -EIO);
                assert_non_null(strstr(error_text(&f->error), "The device fails"));
                error_clear(&f->error);
                f->disk.n_done = f->disk.n_devices;
        }
}

EXT4_TEST(what_is_no_file_system_is_refused) {
        Fixture *f = *state;

        assert_true(identify(f, "x", &f->error) < 0);
        assert_non_null(strstr(error_text(&f->error), "Cannot open the file system"));
}
