/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"

/* Archives in which some programs find other members than others. */

#define GNU_MAGIC_AT     257
#define GNU_REAL_SIZE_AT 483

/* A header, padded, as the content of something else: what would be found is "hidden". */
static void add_hidden(Bytes *tar) {
        tar_file(tar, "hidden", "");
}

static void set_gnu_magic(Bytes *tar, size_t start) {
        memcpy(tar->data + start + GNU_MAGIC_AT, "ustar  ", 8);
        tar_checksum(tar->data + start);
}

static void add_extra_path(Bytes *tar, char type, const char *path) {
        _cleanup_(bytes_done) Bytes records = { 0 };

        pax_add(&records, "path", path, strlen(path));
        tar_extra(tar, type, records.data, records.size);
}

static void add_volume_label(Bytes *tar) {
        tar_add(tar, &(TarEntry){ .type = 'V', .name = "label", .size = TAR_BLOCK });
        add_hidden(tar);
        tar_file(tar, "a", "");
}

static void add_two_pax_headers(Bytes *tar) {
        add_extra_path(tar, 'x', "hidden");
        tar_pax(tar, "comment", "x");
        tar_file(tar, "a", "");
}

static void add_global_header_between(Bytes *tar) {
        add_extra_path(tar, 'x', "hidden");
        tar_extra(tar, 'g', "13 comment=x\n", 13);
        tar_file(tar, "a", "");
}

static void add_global_path(Bytes *tar) {
        add_extra_path(tar, 'g', "b");
        tar_file(tar, "hidden", "");
}

static void add_uneven_sparse_file(Bytes *tar) {
        _cleanup_(bytes_done) Bytes records = { 0 };

        pax_add(&records, "GNU.sparse.size", "2048", 4);
        pax_add(&records, "GNU.sparse.numblocks", "2", 1);
        pax_add(&records, "GNU.sparse.map", "0,1,1024,1", 10);
        tar_extra(tar, 'x', records.data, records.size);
        tar_add(tar, &(TarEntry){ .name = "a", .content = "xx" });
        add_hidden(tar);
}

static void add_solaris_acl(Bytes *tar) {
        static const char acl[] = "1000003\0user::rwx,group::r-x,other:r-x";

        tar_extra(tar, 'A', acl, sizeof(acl));
        tar_file(tar, "hidden", "");
}

static void add_file_with_a_slash(Bytes *tar) {
        tar_add(tar, &(TarEntry){ .name = "a/", .size = TAR_BLOCK });
        add_hidden(tar);
}

static void add_directory_with_content(Bytes *tar) {
        tar_pax(tar, "size", "512");
        tar_dir(tar, "a");
        add_hidden(tar);
}

static void add_link_with_content(Bytes *tar) {
        tar_file(tar, "b", "");
        tar_pax(tar, "size", "512");
        tar_hardlink(tar, "a", "b");
        add_hidden(tar);
}

static void add_real_size(Bytes *tar) {
        tar_file(tar, "a", "14 bytes of it");
        tar_number(tar->data + GNU_REAL_SIZE_AT, 12, 2176);
        set_gnu_magic(tar, 0);
}

static void add_sparse_map_of_none(Bytes *tar) {
        tar_add(tar, &(TarEntry){ .name = "a", .size = TAR_BLOCK });
        tar_number(tar->data + 386, 12, 0);
        tar_number(tar->data + 398, 12, 0);
        set_gnu_magic(tar, 0);
        add_hidden(tar);
}

static void add_real_size_of_star(Bytes *tar) {
        tar_pax(tar, "SCHILY.realsize", "2176");
        tar_file(tar, "a", "14 bytes of it");
}

static void add_sparse_file_with_a_rest(Bytes *tar) {
        _cleanup_(bytes_done) Bytes records = { 0 };
        uint8_t map[TAR_BLOCK] = "1\n0\n0\n";

        pax_add(&records, "GNU.sparse.major", "1", 1);
        pax_add(&records, "GNU.sparse.minor", "0", 1);
        pax_add(&records, "GNU.sparse.name", "a", 1);
        pax_add(&records, "GNU.sparse.realsize", "512", 3);
        tar_extra(tar, 'x', records.data, records.size);
        tar_add(tar, &(TarEntry){ .name = "a", .size = 2 * TAR_BLOCK });
        bytes_add(tar, map, sizeof(map));
        add_hidden(tar);
}

static void add_whiteout_with_holes(Bytes *tar) {
        tar_pax(tar, "SUN.holesdata", " 0 0 512");
        tar_add(tar, &(TarEntry){ .name = ".wh.a", .size = TAR_BLOCK });
        add_hidden(tar);
}

static void add_two_names(Bytes *tar) {
        tar_extra(tar, 'L', "hidden", 7);
        add_extra_path(tar, 'x', "other");
        tar_file(tar, "a", "");
}

static void add_two_links(Bytes *tar) {
        tar_extra(tar, 'K', "hidden", 7);
        tar_pax(tar, "linkpath", "other");
        tar_symlink(tar, "a", "b");
}

static void add_record_that_is_dropped(Bytes *tar) {
        _cleanup_(freep) char *text = calloc(1, 1000000);
        _cleanup_(bytes_done) Bytes records = { 0 };

        memset(text, 'x', 999999);
        pax_add(&records, "comment", text, 999999);
        pax_add(&records, "path", "b", 1);
        tar_extra(tar, 'x', records.data, records.size);
        tar_file(tar, "hidden", "");
}

static void add_device_of_star(Bytes *tar) {
        tar_pax(tar, "SCHILY.devminor", "4");
        tar_add(tar, &(TarEntry){ .type = '3', .name = "a", .major = 1, .minor = 3 });
}

static void add_prefix_after_an_unknown_magic(Bytes *tar) {
        tar_add(tar, &(TarEntry){ .name = "a", .prefix = "hidden" });
        memcpy(tar->data + GNU_MAGIC_AT, "ustar!", 6);
        tar_checksum(tar->data);
}

static const struct {
        void (*add)(Bytes *tar);
        const char *text;
} archives[] = {
        { add_volume_label, "\"label\": It is ambiguous: it is a volume label with content" },
        { add_two_pax_headers, "it has several pax headers" },
        { add_global_header_between, "an archive-wide header is between its own headers" },
        { add_global_path, "a global header sets names or sizes" },
        { add_uneven_sparse_file, "parts that end within a block" },
        { add_solaris_acl, "it is either a Solaris ACL or a file" },
        { add_file_with_a_slash, "\"a\": It is ambiguous: it has the name of a directory" },
        { add_directory_with_content, "its pax header gives it content" },
        { add_link_with_content, "its pax header gives it content" },
        { add_real_size, "it has the size of a sparse file but is not a sparse file" },
        { add_sparse_map_of_none, "it has a sparse map but is not a sparse file" },
        { add_real_size_of_star, "its size could be different" },
        { add_sparse_file_with_a_rest, "its sparse map does not match its content" },
        { add_whiteout_with_holes, "it has holes in a format that not every program reads" },
        { add_two_names, "its GNU and pax headers disagree on a name" },
        { add_two_links, "its GNU and pax headers disagree on a name" },
        { add_record_that_is_dropped, "a record that some programs drop" },
        { add_device_of_star, "its device number could be different" },
        { add_prefix_after_an_unknown_magic, "its name could be different" },
};

UNPACK_TEST(what_can_be_read_in_two_ways_is_refused) {
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++) {
                Bytes *tar = layer_add(f);

                archives[i].add(tar);
                tar_end(tar);
                run_badly(f, ERROR_UNSAFE_ARCHIVE);
                if (!strstr(f->error.message, archives[i].text) ||
                    !strstr(f->error.message, "It is ambiguous"))
                        fail_msg("\"%s\" is not in \"%s\"", archives[i].text, f->error.message);
                if (strstr(list(f), "hidden"))
                        fail_msg("%zu: %s", i, f->text);
                reset(f);
        }
}

/* libarchive has no records of 1,000,000 bytes and more, and says so only in a warning. */
UNPACK_TEST(xattr_that_libarchive_drops_is_refused) {
        static const char *const keys[] = { "SCHILY.xattr.user.large",
                                            "LIBARCHIVE.xattr.user.large", "RHT.security.selinux" };
        _cleanup_(freep) char *value = malloc(1000000);
        Fixture *f = *state;

        memset(value, 'a', 1000000);
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
                Bytes *tar = layer_add(f);

                tar_pax_bytes(tar, keys[i], value, 1000000);
                tar_file(tar, "file", "x");
                run_badly(f, ERROR_LIMIT_EXCEEDED);
                assert_non_null(strstr(f->error.message, "extended attribute of more than 65536"));
                reset(f);
        }
}

/* With accents as one character and as two, one that is equivalent to an ASCII one, and no UTF-8. */
UNPACK_TEST(names_in_any_encoding_are_read_alike) {
        static const char *const names[] = { "caf\xc3\xa9", "cafe\xcc\x81", "\xe2\x84\xaa",
                                             "caf\xe9",     "\xed\xa0\x80", "\xf4\x90\x80\x80" };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                for (int how = 0; how < 4; how++) {
                        _cleanup_(bytes_done) Bytes records = { 0 };
                        Bytes *tar = layer_add(f);
                        char target[64] = { 0 };

                        if (how == 1)
                                tar_extra(tar, 'L', names[i], strlen(names[i]) + 1);
                        if (how == 3)
                                pax_add(&records, "hdrcharset", "BINARY", 6);
                        if (how >= 2) {
                                pax_add(&records, "path", names[i], strlen(names[i]));
                                pax_add(&records, "linkpath", names[i], strlen(names[i]));
                                tar_extra(tar, 'x', records.data, records.size);
                        }
                        tar_symlink(tar, how == 0 ? names[i] : "a", names[i]);
                        run_well(f);
                        assert_true(readlinkat(f->fd, names[i], target, sizeof(target) - 1) > 0);
                        assert_string_equal(target, names[i]);
                        reset(f);
                }
}

UNPACK_TEST(label_of_a_volume_without_content_is_passed_over) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_add(tar, &(TarEntry){ .type = 'V', .name = "label" });
        set_gnu_magic(tar, 0);
        tar_file(tar, "a", "x");
        run_well(f);
        assert_string_equal(list(f), "0644 a = x\n");
}
