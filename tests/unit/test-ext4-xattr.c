/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "password-shadow.h"
#include "test-ext4.h"

#define XATTR(name) "SCHILY.xattr." name

/* user::rw-, user:1000:r--, group::r--, mask::rw-, other::---; default: the same. */
static const uint8_t acl[] = {
        2,    0, 0, 0,                         /* version */
        1,    0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* user:: */
        2,    0, 4, 0, 0xe8, 0x03, 0x00, 0x00, /* user:1000 */
        4,    0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* group:: */
        8,    0, 4, 0, 0xd0, 0x07, 0x00, 0x00, /* group:2000 */
        0x10, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* mask:: */
        0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* other:: */
};

static void fill(char *value, size_t size, unsigned seed) {
        for (size_t i = 0; i < size; i++)
                value[i] = (char) (seed + i * 13 + i / 256);
}

/* The next entry's xattrs: one of each of @sizes, in one header. */
static void add_values(Bytes *tar, const char *prefix, const size_t *sizes, size_t n) {
        _cleanup_(bytes_done) Bytes records = { 0 };
        static char value[65536];
        char key[300];

        for (size_t i = 0; i < n; i++) {
                fill(value, sizes[i], (unsigned) i);
                (void) snprintf(key, sizeof(key), XATTR("%s%zu"), prefix, i);
                pax_add(&records, key, value, sizes[i]);
        }
        tar_extra(tar, 'x', records.data, records.size);
}

/* What the kernel reads: the disk's filesystems next to each other may differ in what they can keep. */
static void check_value(
        Fixture *f, const char *file, const char *name, size_t size, unsigned seed) {
        static char value[65536], got[65536];
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/mount/%s", f->disk.path, file);
        fill(value, size, seed);
        assert_int_equal(lgetxattr(path, name, got, sizeof(got)), size);
        assert_memory_equal(got, value, size);
}

static void check_none(Fixture *f, const char *file, const char *name) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/mount/%s", f->disk.path, file);
        assert_int_equal(lgetxattr(path, name, NULL, 0), -1);
        assert_int_equal(errno, ENODATA);
}

static bool mount_last(Fixture *f) {
        const int fd = disk_mount(&f->disk, f->disk.n_done - 1);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

EXT4_TEST(values_go_to_the_inode_then_to_a_block) {
        static const size_t sizes[] = { 0, 10, 40, 100, 1000, 2000 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (size_t i = 0; i <= 6; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "f-%zu", i);
                add_values(tar, "user.v", sizes, i);
                tar_file(tar, name, "content");
                (void) snprintf(name, sizeof(name), "d-%zu", i);
                add_values(tar, "trusted.v", sizes, i);
                tar_dir(tar, name);
        }
        run_well(f);
        assert_null(strstr(debugfs(f, 0, "features"), "ea_inode"));
        assert_int_equal(f->n_warnings, 0);
        compare(f);
}

EXT4_TEST(values_that_do_not_fit_are_left_out_with_a_warning) {
        static const size_t sizes[] = { 3000, 65536, 40000, 4096, 10 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        add_values(tar, "user.v", sizes, 5);
        tar_file(tar, "file", "content");
        tar_hardlink(tar, "other", "file");
        add_values(tar, "user.v", sizes, 2);
        tar_dir(tar, "dir");
        run_well(f);
        assert_null(strstr(debugfs(f, 0, "features"), "ea_inode"));
        assert_int_equal(f->n_warnings, 1);
        if (!mount_last(f))
                return;
        for (unsigned i = 0; i < 5; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "user.v%u", i);
                if (sizes[i] <= 3000)
                        check_value(f, "file", name, sizes[i], i);
                else
                        check_none(f, "file", name);
        }
        check_value(f, "dir", "user.v0", 3000, 0);
        check_none(f, "dir", "user.v1");
}

EXT4_TEST(rights_are_kept_before_other_values) {
        static char value[3900];
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        memset(value, 'v', sizeof(value));
        pax_add(&records, XATTR("user.large"), value, sizeof(value));
        pax_add(&records, XATTR("user.small"), value, 60);
        pax_add(&records, XATTR("security.x"), value, 60);
        pax_add(&records, XATTR("system.posix_acl_access"), acl, sizeof(acl));
        tar_extra(tar, 'x', records.data, records.size);
        tar_add(tar, &(TarEntry){ .name = "file", .mode = 0660 });
        run_well(f);
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(strstr(debugfs(f, 0, "ea_list file"), "security.x"));
        assert_non_null(strstr(debugfs(f, 0, "ea_list file"), "user.small"));
        assert_non_null(strstr(debugfs(f, 0, "ea_list file"), "system.posix_acl_access"));
        assert_null(strstr(debugfs(f, 0, "ea_list file"), "user.large"));
}

/* The mode's bits of the group are those of the mask, which the group alone need not have. */
EXT4_TEST(lost_acl_gives_the_group_no_more_rights) {
        enum { N_USERS = 600 }; /* more than fit into a block */
        static uint8_t large[sizeof(acl) + 8 * N_USERS];
        uint8_t *end = large + 20;
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        memcpy(large, acl, 20);
        for (unsigned i = 1001; i <= 1000 + N_USERS; i++, end += 8)
                memcpy(end, (const uint8_t[]){ 2, 0, 4, 0, (uint8_t) i, (uint8_t) (i >> 8), 0, 0 },
                       8);
        memcpy(end, acl + 20, sizeof(acl) - 20);
        tar_pax_bytes(tar, XATTR("system.posix_acl_access"), large, sizeof(large));
        tar_add(tar, &(TarEntry){ .name = "file", .mode = 0660 });
        run_well(f);
        assert_int_equal(f->n_warnings, 1);
        assert_null(strstr(debugfs(f, 0, "ea_list file"), "system.posix_acl_access"));
        assert_non_null(strstr(debugfs(f, 0, "stat file"), "Mode:  0640"));
}

EXT4_TEST(removing_a_file_frees_its_xattrs) {
        static const size_t sizes[] = { 3000, 65536, 40000, 10 };
        Fixture *f = *state;

        tar_file(layer_add(f), "x", "x");
        run_well(f);

        f->n_layers = 0;
        bytes_done(&f->layers[0]);
        add_values(layer_add(f), "user.v", sizes, 4);
        tar_file(&f->layers[0], "file", "");
        add_values(&f->layers[0], "user.v", sizes, 4);
        tar_dir(&f->layers[0], "dir");
        tar_file(layer_add(f), ".wh.file", "");
        tar_file(&f->layers[1], ".wh.dir", "");
        run_well(f);
        assert_int_equal(number_of(f, 2, "\nFree blocks:"), number_of(f, 0, "\nFree blocks:"));
        assert_int_equal(number_of(f, 2, "\nFree inodes:"), number_of(f, 0, "\nFree inodes:"));
}

EXT4_TEST(what_cannot_be_kept_is_one_warning) {
        static size_t sizes[200];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (size_t i = 0; i < 200; i++)
                sizes[i] = 1000;
        add_values(tar, "user.a-name-that-is-quite-long-and-goes-on-and-on-", sizes, 200);
        tar_file(tar, "many", "x");
        tar_pax(tar, XATTR("user.x"), "x");
        tar_symlink(tar, "link", "x");
        run_well(f);
        assert_int_equal(f->n_warnings, 1);
        if (mount_last(f))
                check_value(
                        f, "many", "user.a-name-that-is-quite-long-and-goes-on-and-on-199", 1000,
                        199);
}

EXT4_TEST(names_that_the_kernel_would_refuse_are_left_out) {
        static const char *const refused[] = { "system.other", "other", "user." };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[64];

        tar_pax(tar, XATTR("user.x"), "x");
        tar_symlink(tar, "link", "x");
        tar_pax(tar, XATTR("trusted.x"), "x");
        tar_symlink(tar, "good", "x");
        for (size_t i = 0; i < 3; i++) {
                (void) snprintf(name, sizeof(name), XATTR("%s"), refused[i]);
                tar_pax(tar, name, "x");
                tar_file(tar, refused[i], "x");
        }
        run_well(f);
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(strstr(debugfs(f, 0, "ea_list good"), "trusted.x"));
        assert_null(strstr(debugfs(f, 0, "ea_list link"), "user.x"));
        for (size_t i = 0; i < 3; i++) {
                (void) snprintf(name, sizeof(name), "ea_list %s", refused[i]);
                assert_null(strstr(debugfs(f, 0, name), "(1)"));
        }
}

EXT4_TEST(names_as_long_as_the_kernel_takes_them_are_kept) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char key[sizeof(XATTR("")) + 255];

        memset(key, 'n', sizeof(key));
        memcpy(key, XATTR("user."), strlen(XATTR("user.")));
        key[sizeof(key) - 1] = '\0';
        tar_pax(tar, key, "value");
        tar_file(tar, "file", "x");
        tar_pax(tar, key, "value");
        tar_dir(tar, "dir");
        memcpy(key, XATTR("trusted."), strlen(XATTR("trusted.")));
        tar_pax(tar, key, "value");
        tar_symlink(tar, "link", "x");
        run_well(f);
        assert_int_equal(f->n_warnings, 0);
        compare(f);
}

EXT4_TEST(merged_directory_has_none_of_the_old_xattrs) {
        static const size_t sizes[] = { 10, 3000, 50 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        add_values(tar, "user.v", sizes, 3);
        tar_dir(tar, "dir");
        add_values(tar, "user.v", sizes, 3);
        tar_dir(tar, "other");
        tar_file(tar, "dir/file", "x");
        tar = layer_add(f);
        tar_pax(tar, XATTR("user.new"), "new");
        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .mode = 0700 });
        tar_dir(tar, "other");
        run_well(f);
        compare(f);
}

EXT4_TEST(acl_follows_the_mode) {
        static const unsigned modes[] = { 0660, 0644, 0777, 0400 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        for (size_t i = 0; i < 4; i++) {
                (void) snprintf(name, sizeof(name), "f-%zu", i);
                tar_pax_bytes(tar, XATTR("system.posix_acl_access"), acl, sizeof(acl));
                tar_add(tar, &(TarEntry){ .name = name, .mode = modes[i] });
                (void) snprintf(name, sizeof(name), "d-%zu", i);
                tar_pax_bytes(tar, XATTR("system.posix_acl_default"), acl, sizeof(acl));
                tar_add(tar, &(TarEntry){ .type = '5', .name = name, .mode = modes[i] });
        }

        /* Three entries say no more than a mode does. */
        tar_pax_bytes(
                tar, XATTR("system.posix_acl_access"),
                "\2\0\0\0\1\0\6\0\xff\xff\xff\xff\4\0\4\0\xff\xff\xff\xff\x20\0\4\0\xff\xff\xff\xff",
                28);
        tar_add(tar, &(TarEntry){ .name = "plain", .mode = 0640 });
        run_well(f);
        compare(f);
}

static void check_owner(int fd, const char *name, uint32_t uid, uint32_t gid) {
        struct stat st;

        assert_int_equal(fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_uid, uid);
        assert_int_equal(st.st_gid, gid);
}

EXT4_TEST(owners_are_mapped_once) {
        static const size_t large[] = { 3000 };
        _cleanup_(freep) IdMap *uids = calloc(1, sizeof(*uids)), *gids = calloc(1, sizeof(*gids));
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char got[64], path[128];
        int fd;

        tar_add(tar, &(TarEntry){ .name = "root" });
        tar_hardlink(tar, "link-to-root", "root");
        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .uid = 1, .gid = 5 });
        tar_add(tar, &(TarEntry){ .type = '2', .name = "link", .link = "x", .uid = 9, .gid = 9 });
        tar_pax_bytes(tar, XATTR("system.posix_acl_access"), acl, sizeof(acl));
        tar_add(tar, &(TarEntry){ .name = "acl", .mode = 0660 });
        tar_pax_bytes(tar, XATTR("system.posix_acl_default"), acl, sizeof(acl));
        tar_add(tar, &(TarEntry){ .type = '5', .name = "acls" });
        add_values(tar, "user.v", large, 1);
        tar_file(tar, "large", "x");
        run_well(f);

        assert_int_equal(idmap_add(uids, &(IdRange){ 0, 100000, 5 }, NULL), 0);
        assert_int_equal(idmap_add(uids, &(IdRange){ 1000, 0x10203, 1 }, NULL), 0);
        assert_int_equal(idmap_add(gids, &(IdRange){ 0, 200000, 9 }, NULL), 0);
        assert_int_equal(ext4_map_owners(f->disk.ext4, uids, gids, NULL), 0);
        assert_int_equal(ext4_end_layer(f->disk.ext4, NULL), 0);
        disk_check_all(&f->disk);

        fd = disk_mount(&f->disk, 1);
        if (fd < 0)
                return;
        check_owner(fd, ".", 100000, 200000);
        check_owner(fd, "root", 100000, 200000);
        check_owner(fd, "dir", 100001, 200005);
        check_owner(fd, "link", 9, 9);
        check_value(f, "large", "user.v0", 3000, 0);
        (void) strcat(disk_at(&f->disk, "mount", path), "/acl");
        assert_int_equal(lgetxattr(path, "system.posix_acl_access", got, sizeof(got)), sizeof(acl));
        assert_memory_equal(got + 16, "\x03\x02\x01\0", 4);
        (void) strcat(path, "s");
        assert_int_equal(
                lgetxattr(path, "system.posix_acl_default", got, sizeof(got)), sizeof(acl));
        assert_memory_equal(got + 16, "\x03\x02\x01\0", 4);
        assert_memory_equal(got + 32, "\xd0\x07\0\0", 4);
        close(fd);
}

EXT4_TEST(root_password_is_set) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char content[256] = { 0 };
        struct stat st;
        int fd, file;

        tar_pax_bytes(tar, XATTR("system.posix_acl_access"), acl, sizeof(acl));
        tar_add(tar, &(TarEntry){ .name = "etc/shadow",
                                  .mode = 0640,
                                  .gid = 42,
                                  .content = "root:*:1:\nbin:*:2:\n" });
        run_well(f);
        if (password_set_root(ext4_target(f->disk.ext4), "secret", &f->error) < 0)
                fail_msg("%s", error_text(&f->error));
        if (f->disk.n_done == 1)
                assert_int_equal(ext4_end_layer(f->disk.ext4, NULL), 0);
        disk_check_all(&f->disk);

        fd = disk_mount(&f->disk, f->disk.n_done - 1);
        if (fd < 0)
                return;
        file = openat(fd, "etc/shadow", O_RDONLY | O_CLOEXEC);
        assert_int_equal(fstat(file, &st), 0);
        assert_int_equal(st.st_gid, 42);
        assert_int_equal(st.st_mode & 07777, 0660); /* by its ACL */
        assert_int_equal(fgetxattr(file, "system.posix_acl_access", NULL, 0), sizeof(acl));
        assert_true(read(file, content, sizeof(content) - 1) > 0);
        assert_memory_equal(content, "root:$", 6);
        assert_non_null(strstr(content, "\nbin:*:2:\n"));
        close(file);
        close(fd);
}

EXT4_TEST(meta_can_be_read_back) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        _cleanup_(bytes_done) Bytes records = { 0 };
        UnpackTarget *target;
        UnpackInfo info;
        UnpackDir root;
        char link[200];

        memset(link, 'l', sizeof(link));
        link[199] = '\0';
        tar_pax(tar, "linkpath", link);
        tar_add(tar,
                &(TarEntry){ .type = '2', .name = "link", .link = "", .uid = 70000, .gid = 2 });
        tar_add(tar, &(TarEntry){ .type = '4', .name = "dev", .major = 300, .minor = 70000 });
        pax_add(&records, XATTR("system.posix_acl_access"), acl, sizeof(acl));
        pax_add(&records, XATTR("user.x"), "value", 5);
        tar_extra(tar, 'x', records.data, records.size);
        tar_add(tar, &(TarEntry){ .name = "file", .mode = 06660, .content = "12345" });
        run_well(f);

        target = ext4_target(f->disk.ext4);
        assert_int_equal(target->ops->open_root(target, &root, &info, NULL), 0);
        assert_int_equal(target->ops->get_meta(target, root, "link", &meta, NULL), 0);
        assert_int_equal(meta.type, UNPACK_SYMLINK);
        assert_string_equal(meta.link, link);
        assert_int_equal(meta.uid, 70000);
        unpack_meta_done(&meta);
        assert_int_equal(target->ops->get_meta(target, root, "dev", &meta, NULL), 0);
        assert_int_equal(meta.device_major, 300);
        assert_int_equal(meta.device_minor, 70000);
        unpack_meta_done(&meta);
        assert_int_equal(target->ops->get_meta(target, root, "file", &meta, NULL), 0);
        assert_int_equal(meta.mode, 06660);
        assert_int_equal(meta.size, 5);
        assert_int_equal(meta.mtime.tv_sec, 1000000000);
        assert_true(meta.n_xattrs >= 1);
        unpack_meta_done(&meta);
        assert_int_equal(target->ops->get_meta(target, root, "none", &meta, NULL), -ENOENT);
}
