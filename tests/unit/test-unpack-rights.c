/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files of an image let others do on this host. */

#include "test-unpack.h"
#include "unpack-capability.h"

/* user::rw-, user:1000:rw-, group::---, mask::rw-, other::--- */
static const uint8_t acl[] = {
        2,    0, 0, 0,                         /* version */
        1,    0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* user:: */
        2,    0, 6, 0, 0xe8, 0x03, 0x00, 0x00, /* user:1000 */
        4,    0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* group:: */
        0x10, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* mask:: */
        0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* other:: */
};

/* cap_net_raw=ep */
static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 0x20 };

static unsigned mode_of(Fixture *f, const char *name) {
        return stat_of(f, name).st_mode & 07777;
}

static void map(Fixture *f, IdMap *map, const char *text) {
        IdRange range;

        assert_int_equal(idmap_parse_range(text, &range, NULL), 0);
        assert_int_equal(idmap_add(map, &range, NULL), 0);
        f->options.uids = &f->uids;
        f->options.gids = &f->gids;
}

static void tar_capable(Bytes *tar, const char *name, unsigned uid) {
        tar_pax_bytes(tar, "SCHILY.xattr.security.capability", capability, sizeof(capability));
        tar_add(tar, &(TarEntry){ .name = name, .content = "x", .mode = 0755, .uid = uid });
}

UNPACK_TEST(user_lends_nobody_its_rights) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        const unsigned uid = geteuid(), gid = getegid();

        f->unprivileged = true;
        /* Also what is this user's in the image: whoever made that chose the number. */
        tar_add(tar, &(TarEntry){ .name = "own", .mode = 06755, .uid = uid, .gid = gid });
        tar_add(tar,
                &(TarEntry){ .type = '5', .name = "dir", .mode = 03777, .uid = uid, .gid = gid });
        tar_pax_bytes(tar, "SCHILY.xattr.security.capability", capability, sizeof(capability));
        tar_add(tar, &(TarEntry){ .name = "ping", .mode = 0755, .uid = uid, .gid = gid });
        run_well(f);
        assert_int_equal(mode_of(f, "own"), 0755);
        assert_int_equal(mode_of(f, "dir"), 01777);
        assert_true(xattr_of(f, "ping", "security.capability", NULL, 0) < 0);
        assert_int_equal(f->n_warnings, 1);
        assert_string_equal(
                f->warnings,
                "Not kept in the directory: setuid, setgid and file capabilities (3 entries, such as \"own\"); "
                "the format qcow2 keeps everything");
}

UNPACK_TEST(lost_owners_are_counted_in_one_warning) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        const unsigned uid = geteuid(), gid = getegid();

        f->unprivileged = true;
        tar_add(tar, &(TarEntry){ .type = '5', .name = "etc", .uid = uid + 1, .gid = gid });
        tar_add(tar, &(TarEntry){ .name = "etc/a", .uid = uid, .gid = gid + 1 });
        tar_add(tar, &(TarEntry){ .type = '2', .name = "link", .link = "x", .uid = uid + 7 });
        tar_add(tar, &(TarEntry){ .name = "mine", .uid = uid, .gid = gid });
        run_well(f);
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(strstr(f->warnings, "owners (3 entries, such as \"etc\");"));
}

UNPACK_TEST(device_nodes_that_are_left_out_are_counted) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        f->unprivileged = true;
        tar_add(tar, &(TarEntry){ .type = '4', .name = "disk", .major = 8 });
        run_well(f);
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(strstr(f->warnings, "device nodes (1 entry, \"disk\");"));
}

UNPACK_TEST(owner_outside_of_the_ranges_stays_without_rights) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        skip_unless_root();
        map(f, &f->uids, "0:100000:1000");
        map(f, &f->gids, "0:100000:1000");
        tar_add(tar, &(TarEntry){ .name = "in", .mode = 06755 });
        tar_add(tar, &(TarEntry){ .name = "user", .mode = 06755, .uid = 70000 });
        tar_add(tar, &(TarEntry){ .name = "group", .mode = 02755, .gid = 70000 });
        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .mode = 02755, .uid = 70000 });
        tar_capable(tar, "ping", 70000);
        run_well(f);
        assert_int_equal(stat_of(f, "in").st_uid, 100000);
        assert_int_equal(mode_of(f, "in"), 06755);
        assert_int_equal(stat_of(f, "user").st_uid, 70000);
        assert_int_equal(stat_of(f, "group").st_gid, 70000);
        assert_int_equal(mode_of(f, "user"), 0755);
        assert_int_equal(mode_of(f, "group"), 0755);
        assert_int_equal(mode_of(f, "dir"), 0755);
        assert_true(xattr_of(f, "ping", "security.capability", NULL, 0) < 0);
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(strstr(f->warnings, "4 entries, such as \"user\""));
}

UNPACK_TEST(capabilities_are_for_the_root_that_theirs_becomes) {
        static const uint8_t mapped[24] = { 1, 0, 0, 3, 0, 0x20, [20] = 0xa0, 0x86, 1 };
        static const uint8_t of_seven[24] = { 1, 0, 0, 3, 0, 0x20, [20] = 7 };
        static const struct {
                const char *range;
                const void *value;
                size_t size;
                const void *want;
                size_t want_size;
        } cases[] = {
                { "0:100000:1", capability, 20, mapped, 24 },
                { "1:100000:1", capability, 20, capability, 20 },
                { "7:100000:1", of_seven, 24, mapped, 24 },
                { "0:100000:1", of_seven, 24, of_seven, 24 },
                { "0:100000:1", of_seven, 20, of_seven, 20 },
                { "0:100000:1", capability, 12, capability, 12 },
                { "0:100000:1", capability, 0, capability, 0 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(freep) void *got = NULL;
                IdMap uids = { .n_ranges = 1 };
                size_t size;

                assert_int_equal(idmap_parse_range(cases[i].range, &uids.ranges[0], NULL), 0);
                assert_int_equal(
                        unpack_capability_map(
                                cases[i].value, cases[i].size, &uids, &got, &size, NULL),
                        0);
                assert_int_equal(size, cases[i].want_size);
                assert_memory_equal(got, cases[i].want, size);
        }
}

UNPACK_TEST(capabilities_that_root_unpacks_stay_as_they_are) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        uint8_t got[64];

        skip_unless_root();
        map(f, &f->uids, "0:100000:1000");
        tar_capable(tar, "ping", 0);
        run_well(f);
        assert_int_equal(
                xattr_of(f, "ping", "security.capability", got, sizeof(got)), sizeof(capability));
        assert_memory_equal(got, capability, sizeof(capability));
}

UNPACK_TEST(without_ranges_no_id_is_outside) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        skip_unless_root();
        map(f, &f->uids, "0:100000:1000");
        tar_add(tar, &(TarEntry){ .name = "group", .mode = 02755, .gid = 70000 });
        run_well(f);
        assert_int_equal(mode_of(f, "group"), 02755);
        assert_int_equal(f->n_warnings, 0);
}

static void run_with_closed_devices(Fixture *f) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = open_target(f);

        unpack_directory_close_devices(target, 100000, 200000);
        assert_int_equal(run_into(f, target), 0);
}

UNPACK_TEST(device_is_closed_unless_it_is_harmless) {
        static const struct {
                const char *name;
                char type;
                unsigned major, minor;
                bool is_harmless;
        } nodes[] = {
                { "0null", '3', 1, 3, true },    { "1zero", '3', 1, 5, true },
                { "2full", '3', 1, 7, true },    { "3random", '3', 1, 8, true },
                { "4urandom", '3', 1, 9, true }, { "5tty", '3', 5, 0, true },
                { "6console", '3', 5, 1, true }, { "7ptmx", '3', 5, 2, true },
                { "mem", '3', 1, 1, false },     { "null", '4', 1, 3, false },
                { "sda", '4', 8, 0, false },
        };
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        skip_unless_root();
        for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
                const TarEntry entry = {
                        .type = nodes[i].type,
                        .name = nodes[i].name,
                        .mode = 0666,
                        .uid = 3,
                        .gid = 4,
                        .major = nodes[i].major,
                        .minor = nodes[i].minor,
                };

                if (!nodes[i].is_harmless)
                        tar_pax_bytes(
                                tar, "SCHILY.xattr.system.posix_acl_access", acl, sizeof(acl));
                tar_add(tar, &entry);
        }
        tar_add(tar, &(TarEntry){ .type = '6', .name = "pipe", .mode = 0666, .uid = 3, .gid = 4 });
        run_with_closed_devices(f);

        for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
                const struct stat st = stat_of(f, nodes[i].name);
                const bool is_harmless = nodes[i].is_harmless;

                assert_int_equal(st.st_mode & S_IFMT, nodes[i].type == '3' ? S_IFCHR : S_IFBLK);
                assert_int_equal(st.st_rdev, makedev(nodes[i].major, nodes[i].minor));
                assert_int_equal(st.st_mode & 07777, is_harmless ? 0666 : 0600);
                assert_int_equal(st.st_uid, is_harmless ? 3 : 100000);
                assert_int_equal(st.st_gid, is_harmless ? 4 : 200000);
                if (!is_harmless)
                        assert_true(
                                xattr_of(f, nodes[i].name, "system.posix_acl_access", NULL, 0) < 0);
        }
        assert_int_equal(mode_of(f, "pipe"), 0666);
        assert_int_equal(stat_of(f, "pipe").st_uid, 3);
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(strstr(f->warnings, "3 entries, such as \"mem\""));
        assert_non_null(strstr(f->warnings, "--keep-devices"));
}

UNPACK_TEST(files_with_rights_are_counted) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = NULL;
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        const char *example;

        skip_unless_root();
        tar_add(tar, &(TarEntry){ .type = '5', .name = "dir", .mode = 02755 });
        tar_add(tar, &(TarEntry){ .name = "plain", .mode = 01755 });
        tar_add(tar, &(TarEntry){ .name = "dir/su", .mode = 04755 });
        tar_add(tar, &(TarEntry){ .name = "wall", .mode = 02755, .gid = 5 });
        tar_capable(tar, "ping", 0);
        target = open_target(f);
        if (run_into(f, target) < 0)
                fail_msg("%s", error_text(&f->error));
        assert_int_equal(unpack_directory_rights(target, &example), 3);
        assert_string_equal(example, "dir/su");
        assert_int_equal(f->n_warnings, 0);
}
