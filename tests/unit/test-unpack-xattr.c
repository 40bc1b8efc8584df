/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"
#include "unpack-acl.h"

#define ACCESS  "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

/* user::rwx, user:1000:r-x, group::r-x, mask::r-x, other::--- */
static const uint8_t acl_1000[] = {
        2,    0, 0, 0,                         /* version */
        1,    0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* user:: */
        2,    0, 5, 0, 0xe8, 0x03, 0x00, 0x00, /* user:1000 */
        4,    0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* group:: */
        0x10, 0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* mask:: */
        0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* other:: */
};

/* cap_net_raw=ep */
static const uint8_t capability[] = {
        1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
};

UNPACK_TEST(binary_values_are_kept) {
        static const char value[] = "a\0b\n=\xff";
        char got[64];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr.user.binary", value, sizeof(value));
        tar_file(tar, "file", "x");
        tar_pax(tar, "LIBARCHIVE.xattr.user.encoded", "YQBi");
        tar_file(tar, "other", "x");
        tar_pax_bytes(tar, "SCHILY.xattr.user.empty", "", 0);
        tar_dir(tar, "dir");
        run_well(f);
        assert_int_equal(xattr_of(f, "file", "user.binary", got, sizeof(got)), sizeof(value));
        assert_memory_equal(got, value, sizeof(value));
        assert_int_equal(xattr_of(f, "other", "user.encoded", got, sizeof(got)), 3);
        assert_memory_equal(got, "a\0b", 3);
        assert_int_equal(xattr_of(f, "dir", "user.empty", got, sizeof(got)), 0);
}

UNPACK_TEST(capabilities_survive_an_owner_and_content) {
        char got[64];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        skip_unless_root();
        tar_pax_bytes(tar, "SCHILY.xattr.security.capability", capability, sizeof(capability));
        tar_add(tar, &(TarEntry){ .name = "ping", .content = "x", .mode = 0755, .uid = 3 });
        run_well(f);
        assert_int_equal(
                xattr_of(f, "ping", "security.capability", got, sizeof(got)), sizeof(capability));
        assert_memory_equal(got, capability, sizeof(capability));
}

UNPACK_TEST(selinux_labels_are_not_copied) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax(tar, "SCHILY.xattr.security.selinux", "system_u:object_r:etc_t:s0");
        tar_file(tar, "file", "x");
        run_well(f);
        assert_int_equal(xattr_of(f, "file", "security.selinux", NULL, 0), -1);
        assert_int_equal(f->n_warnings, 0);
}

static void check_acl(Fixture *f, const char *path, const char *name) {
        uint8_t got[256];

        assert_int_equal(xattr_of(f, path, name, got, sizeof(got)), sizeof(acl_1000));
        assert_memory_equal(got, acl_1000, sizeof(acl_1000));
}

UNPACK_TEST(binary_acls_are_kept) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl_1000, sizeof(acl_1000));
        tar_add(tar, &(TarEntry){ .name = "file", .content = "x", .mode = 0750 });
        tar_pax_bytes(tar, "SCHILY.xattr." DEFAULT, acl_1000, sizeof(acl_1000));
        tar_dir(tar, "dir");
        run_well(f);
        check_acl(f, "file", ACCESS);
        check_acl(f, "dir", DEFAULT);
}

UNPACK_TEST(textual_acls_are_acls_too) {
        static const char text[] = "user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::---";
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax(tar, "SCHILY.acl.access", text);
        tar_add(tar, &(TarEntry){ .name = "file", .content = "x", .mode = 0750 });
        tar_pax(tar, "SCHILY.acl.access",
                "user::rwx,user:joe:r-x:1000,group::r-x,mask::r-x,other::---");
        tar_add(tar, &(TarEntry){ .name = "star", .content = "x", .mode = 0750 });
        pax_add(&records, "SCHILY.acl.access", text, strlen(text));
        pax_add(&records, "SCHILY.acl.default", text, strlen(text));
        tar_extra(tar, 'x', records.data, records.size);
        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .mode = 0750 });
        run_well(f);
        check_acl(f, "file", ACCESS);
        check_acl(f, "star", ACCESS);
        check_acl(f, "dir", ACCESS);
        check_acl(f, "dir", DEFAULT);
        assert_int_equal(stat_of(f, "file").st_mode & 07777, 0750);
        assert_int_equal(stat_of(f, "dir").st_mode & 07777, 0750);
}

/* The mask is r-x in all of them. */
UNPACK_TEST(acl_keeps_its_mask_whatever_the_mode_is) {
        static const TarEntry entries[] = {
                { .name = "file", .content = "x", .mode = 0640 },
                { .name = "setgid", .content = "x", .mode = 02770 },
                { .type = '5', .name = "dir", .mode = 01777 },
                { .type = '5', .name = "closed", .mode = 0111 },
                { .type = '6', .name = "fifo", .mode = 0777 },
        };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
                tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl_1000, sizeof(acl_1000));
                tar_add(tar, &entries[i]);
        }
        tar_file(tar, "closed/in", "x");
        run_well(f);
        for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
                check_acl(f, entries[i].name, ACCESS);
                assert_int_equal(
                        stat_of(f, entries[i].name).st_mode & 07777,
                        0750 | (entries[i].mode & 07000));
        }
}

UNPACK_TEST(acl_of_a_merged_directory_keeps_its_mask) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .mode = 0777 });
        tar = layer_add(f);
        tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl_1000, sizeof(acl_1000));
        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .mode = 0770 });
        run_well(f);
        check_acl(f, "dir", ACCESS);
        assert_int_equal(stat_of(f, "dir").st_mode & 07777, 0750);
}

static void check_acl_of_a_user(Fixture *f) {
        uint8_t acl[sizeof(acl_1000)], got[256];
        Bytes *tar = layer_add(f);

        memcpy(acl, acl_1000, sizeof(acl));
        acl[6] = 5; /* user::r-x */
        tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl, sizeof(acl));
        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .mode = 0577 });
        tar_file(tar, "dir/in", "x");
        tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl, sizeof(acl));
        tar_add(tar, &(TarEntry){ .name = "file", .mode = 0477, .content = "x" });
        run_well(f);
        for (size_t i = 0; i < 2; i++) {
                const char *path = i == 0 ? "dir" : "file";

                assert_int_equal(xattr_of(f, path, ACCESS, got, sizeof(got)), sizeof(acl));
                assert_memory_equal(got, acl, sizeof(acl));
                assert_int_equal(stat_of(f, path).st_mode & 07777, 0550);
        }
}

UNPACK_TEST(acl_keeps_its_mask_for_a_user_too) {
        as_user(*state, check_acl_of_a_user);
}

/* user::rwx, group::r-x, other::--- */
UNPACK_TEST(acl_that_says_no_more_than_a_mode_becomes_the_mode) {
        static const uint8_t acl[] = { 2,    0,    0, 0, 1,    0,    7,    0,    0xff, 0xff,
                                       0xff, 0xff, 4, 0, 5,    0,    0xff, 0xff, 0xff, 0xff,
                                       0x20, 0,    0, 0, 0xff, 0xff, 0xff, 0xff };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl, sizeof(acl));
        tar_add(tar, &(TarEntry){ .name = "file", .content = "x", .mode = 04666 });
        run_well(f);
        assert_int_equal(stat_of(f, "file").st_mode & 07777, 04750);
        assert_int_equal(xattr_of(f, "file", ACCESS, NULL, 0), -1);
}

UNPACK_TEST(acl_that_names_users_without_ids_is_left_out_with_a_warning) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax(tar, "SCHILY.acl.access", "user::rwx,user:joe:r-x,group::r-x,mask::r-x,other::---");
        tar_add(tar, &(TarEntry){ .name = "file", .content = "x", .mode = 0750 });
        run_well(f);
        assert_int_equal(xattr_of(f, "file", ACCESS, NULL, 0), -1);
        assert_int_equal(f->n_warnings, 1);
}

UNPACK_TEST(owner_mapping_applies_to_acls) {
        uint8_t got[256];
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        skip_unless_root();
        f->options.uids = &f->uids;
        f->options.gids = &f->gids;
        assert_int_equal(idmap_add(&f->uids, &(IdRange){ 1000, 0x01020304, 1 }, NULL), 0);
        tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl_1000, sizeof(acl_1000));
        tar_add(tar, &(TarEntry){ .name = "file", .content = "x", .mode = 0750, .uid = 1000 });
        run_well(f);
        assert_int_equal(stat_of(f, "file").st_uid, 0x01020304);
        assert_int_equal(xattr_of(f, "file", ACCESS, got, sizeof(got)), sizeof(acl_1000));
        assert_memory_equal(got + 16, "\x04\x03\x02\x01", 4);
}

UNPACK_TEST(new_names_do_not_inherit_a_default_acl) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr." DEFAULT, acl_1000, sizeof(acl_1000));
        tar_dir(tar, "dir");
        tar_file(tar, "dir/file", "x");
        tar_dir(tar, "dir/sub");
        tar_add(tar, &(TarEntry){ .type = '6', .name = "dir/fifo", .mode = 0666 });
        run_well(f);
        check_acl(f, "dir", DEFAULT);
        assert_int_equal(xattr_of(f, "dir/file", ACCESS, NULL, 0), -1);
        assert_int_equal(xattr_of(f, "dir/sub", ACCESS, NULL, 0), -1);
        assert_int_equal(xattr_of(f, "dir/sub", DEFAULT, NULL, 0), -1);
        assert_int_equal(xattr_of(f, "dir/fifo", ACCESS, NULL, 0), -1);
        assert_int_equal(stat_of(f, "dir/file").st_mode & 07777, 0644);
        assert_int_equal(stat_of(f, "dir/sub").st_mode & 07777, 0755);
        assert_int_equal(stat_of(f, "dir/fifo").st_mode & 07777, 0666);
}

UNPACK_TEST(xattr_over_the_limit_is_refused) {
        _cleanup_(freep) char *value = calloc(1, (64 << 10) + 1);
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr.user.large", value, (64 << 10) + 1);
        tar_file(tar, "file", "x");
        run_badly(f, ERROR_LIMIT_EXCEEDED);
}

UNPACK_TEST(name_that_is_too_long_is_refused_by_what_it_is) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char key[sizeof("SCHILY.xattr.") + 256];

        memset(key, 'n', sizeof(key));
        memcpy(key, "SCHILY.xattr.user.", strlen("SCHILY.xattr.user."));
        key[sizeof(key) - 1] = '\0';
        tar_pax(tar, key, "value");
        tar_file(tar, "file", "x");
        run_badly(f, ERROR_LIMIT_EXCEEDED);
        assert_non_null(strstr(error_text(&f->error), "a name of more than 255 bytes"));
}

UNPACK_TEST(too_many_xattrs_are_refused) {
        _cleanup_(bytes_done) Bytes records = { 0 };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char key[64];

        for (int i = 0; i < 300; i++) {
                (void) snprintf(key, sizeof(key), "SCHILY.xattr.user.%d", i);
                pax_add(&records, key, "x", 1);
        }
        tar_extra(tar, 'x', records.data, records.size);
        tar_file(tar, "file", "x");
        run_badly(f, ERROR_LIMIT_EXCEEDED);
}

UNPACK_TEST(malformed_acl_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl_1000, sizeof(acl_1000) - 3);
        tar_file(tar, "file", "x");
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(acl_that_the_kernel_would_not_take_is_refused) {
        static const char *const orders[] = { "0123", "0124",  "0134",   "0234 ", "1234",
                                              "0224", "01243", "021344", "00" };
        static const char *const texts[] = { "user::r,user:7:r,group::r,other::r",
                                             "user:1:r,user::r,group::r,other::r" };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
                Bytes *tar = layer_add(f);
                uint8_t acl[128];
                size_t size = 4;

                memcpy(acl, acl_1000, 4);
                for (const char *one = orders[i]; *one >= '0'; one++, size += 8)
                        memcpy(acl + size, acl_1000 + 4 + 8 * (*one - '0'), 8);
                tar_pax_bytes(tar, "SCHILY.xattr." ACCESS, acl, size);
                tar_file(tar, "file", "x");
                if (strcmp(orders[i], "0234 ") == 0)
                        run_well(f); /* nobody is named in it */
                else {
                        run_badly(f, ERROR_CORRUPT_ARCHIVE);
                        assert_non_null(strstr(f->error.message, "ACL is invalid"));
                }
                reset(f);
        }
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                Bytes *tar = layer_add(f);

                tar_pax(tar, "SCHILY.acl.access", texts[i]);
                tar_file(tar, "file", "x");
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                reset(f);
        }
}

TEST(acl_is_written_in_the_kernels_order) {
        UnpackAclEntry entries[] = {
                { ACL_OTHER, 0, 0 },       { ACL_USER, 5, 1000 },    { ACL_MASK, 5, 0 },
                { ACL_GROUP_OWNER, 5, 0 }, { ACL_USER_OWNER, 7, 0 },
        };
        void *value = NULL;
        size_t size = 0;

        assert_int_equal(unpack_acl_format(entries, 5, &value, &size, NULL), 0);
        assert_int_equal(size, sizeof(acl_1000));
        assert_memory_equal(value, acl_1000, sizeof(acl_1000));
        free(value);
}
