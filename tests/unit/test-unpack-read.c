/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"

/* Unpacks, and reads what is there with the directory target. */
typedef struct Reading {
        UnpackTarget *target; /* owned */
        UnpackDir root;
        UnpackInfo info;
} Reading;

static void reading_init(Reading *reading, Fixture *f) {
        reading->target = open_target(f);
        assert_int_equal(
                reading->target->ops->open_root(
                        reading->target, &reading->root, &reading->info, NULL),
                0);
}

static void reading_done(Reading *reading) {
        unpack_target_free(reading->target);
}

static int get_meta(const Reading *reading, const char *name, UnpackMeta *ret) {
        return reading->target->ops->get_meta(reading->target, reading->root, name, ret, NULL);
}

static ssize_t read_file(const Reading *reading, const char *name, void *buffer, size_t size) {
        return reading->target->ops->read_file(
                reading->target, reading->root, name, buffer, size, NULL);
}

UNPACK_TEST(meta_of_each_type_is_what_was_unpacked) {
        static const TarEntry entries[] = {
                { .name = "regular", .content = "12345", .mode = 04755, .uid = 7, .gid = 8 },
                { .type = '5', .name = "directory", .mode = 01777, .uid = 1, .gid = 2 },
                { .type = '2', .name = "link", .link = "to/nowhere", .uid = 3, .gid = 4 },
                { .type = '3', .name = "char", .mode = 0620, .major = 259, .minor = 100000 },
                { .type = '4', .name = "block", .mode = 0660, .major = 8, .minor = 1 },
                { .type = '6', .name = "fifo", .mode = 0600 },
        };
        static const UnpackType types[] = {
                UNPACK_REGULAR,          UNPACK_DIRECTORY,    UNPACK_SYMLINK,
                UNPACK_CHARACTER_DEVICE, UNPACK_BLOCK_DEVICE, UNPACK_FIFO,
        };
        _cleanup_(reading_done) Reading reading = { 0 };
        Fixture *f = *state;
        Bytes *tar;

        skip_unless_root();
        tar = layer_add(f);
        for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
                TarEntry entry = entries[i];

                entry.mtime = 1000 + (int) i;
                tar_add(tar, &entry);
        }
        run_well(f);

        reading_init(&reading, f);
        for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
                const TarEntry *entry = &entries[i];
                _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };

                assert_int_equal(get_meta(&reading, entry->name, &meta), 0);
                assert_int_equal(meta.type, types[i]);
                if (meta.type != UNPACK_SYMLINK)
                        assert_int_equal(meta.mode, entry->mode);
                assert_int_equal(meta.uid, entry->uid);
                assert_int_equal(meta.gid, entry->gid);
                assert_int_equal(meta.device_major, entry->major);
                assert_int_equal(meta.device_minor, entry->minor);
                assert_int_equal(meta.mtime.tv_sec, 1000 + (int) i);
                assert_int_equal(meta.size, i == 0 ? 5 : 0);
                assert_int_equal(meta.n_xattrs, 0);
                if (meta.type == UNPACK_SYMLINK)
                        assert_string_equal(meta.link, "to/nowhere");
                else
                        assert_null(meta.link);
        }
}

UNPACK_TEST(meta_has_the_xattrs_but_no_label) {
        _cleanup_(reading_done) Reading reading = { 0 };
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        char path[128];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        bool labelled;

        tar_file(tar, "file", "x");
        run_well(f);
        (void) snprintf(path, sizeof(path), "%s/file", f->path);
        assert_int_equal(setxattr(path, "user.binary", "a\0b", 3, 0), 0);
        assert_int_equal(setxattr(path, "user.empty", "", 0, 0), 0);
        labelled = setxattr(path, "security.selinux", "x", 1, 0) == 0;

        reading_init(&reading, f);
        assert_int_equal(get_meta(&reading, "file", &meta), 0);
        assert_int_equal(meta.n_xattrs, 2);
        for (size_t i = 0; i < 2; i++) {
                const UnpackXattr *xattr = &meta.xattrs[i];

                if (strcmp(xattr->name, "user.binary") == 0) {
                        assert_int_equal(xattr->size, 3);
                        assert_memory_equal(xattr->value, "a\0b", 3);
                } else {
                        assert_string_equal(xattr->name, "user.empty");
                        assert_int_equal(xattr->size, 0);
                }
        }
        if (!labelled && geteuid() == 0)
                print_message("security.selinux cannot be written here\n");
}

UNPACK_TEST(only_regular_files_are_read) {
        _cleanup_(reading_done) Reading reading = { 0 };
        UnpackMeta meta = { 0 };
        Fixture *f = *state;
        char buffer[16] = { 0 };
        Bytes *tar = layer_add(f);

        tar_file(tar, "file", "0123456789");
        tar_dir(tar, "dir");
        tar_symlink(tar, "link", "file");
        tar_add(tar, &(TarEntry){ .type = '6', .name = "fifo", .mode = 0600 });
        run_well(f);

        reading_init(&reading, f);
        assert_int_equal(read_file(&reading, "file", buffer, sizeof(buffer)), 10);
        assert_string_equal(buffer, "0123456789");
        assert_int_equal(read_file(&reading, "file", buffer, 4), 4);
        assert_int_equal(read_file(&reading, "dir", buffer, 4), -EINVAL);
        assert_int_equal(read_file(&reading, "link", buffer, 4), -EINVAL);
        assert_int_equal(read_file(&reading, "fifo", buffer, 4), -EINVAL);
        assert_int_equal(read_file(&reading, "none", buffer, 4), -ENOENT);
        assert_int_equal(get_meta(&reading, "none", &meta), -ENOENT);
}

static void read_unreadable(Fixture *f) {
        _cleanup_(reading_done) Reading reading = { 0 };
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        char buffer[4] = { 0 };
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr.user.x", "1", 1);
        tar_add(tar, &(TarEntry){ .name = "file", .content = "abc", .no_mode = true });
        run_well(f);

        reading_init(&reading, f);
        assert_int_equal(get_meta(&reading, "file", &meta), 0);
        assert_int_equal(meta.mode, 0);
        assert_int_equal(meta.n_xattrs, 1);
        assert_int_equal(read_file(&reading, "file", buffer, 3), 3);
        assert_string_equal(buffer, "abc");
        assert_int_equal(stat_of(f, "file").st_mode & 07777, 0);
}

UNPACK_TEST(user_reads_a_file_of_mode_000) {
        as_user(*state, read_unreadable);
}
