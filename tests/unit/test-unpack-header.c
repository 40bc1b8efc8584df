/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack-tar.h"

#include <errno.h>

#include "unpack-header.h"

#define LIMIT       ((size_t) 4096)
#define XATTR_LIMIT ((uint64_t) 1000)

static void assert_text(const UnpackText *text, const char *expected) {
        if (!expected) {
                assert_null(text->text);
                return;
        }
        assert_int_equal(text->size, strlen(expected));
        assert_memory_equal(text->text, expected, text->size);
}

static int scan(const Bytes *tar, size_t size, UnpackHeader *ret) {
        const UnpackHeaderLimits limits = { LIMIT, XATTR_LIMIT };

        return unpack_header_scan(tar->data, size, &limits, ret);
}

/* Reads an entry that nobody doubts, and whose headers end where @tar does. */
static UnpackHeader scan_well(const Bytes *tar) {
        UnpackHeader header;

        assert_int_equal(scan(tar, tar->size, &header), 0);
        if (header.doubt)
                fail_msg("%s", header.doubt);
        assert_int_equal(header.end, tar->size);
        return header;
}

static void assert_doubt(const Bytes *tar, const char *doubt) {
        UnpackHeader header;

        assert_int_equal(scan(tar, tar->size, &header), 0);
        if (!header.doubt || !strstr(header.doubt, doubt))
                fail_msg("\"%s\" is not in \"%s\"", doubt, header.doubt ? header.doubt : "nothing");
}

TEST(plain_header_has_all_there_is) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, device = { 0 };
        UnpackHeader header;

        tar_symlink(&tar, "a", "b");
        header = scan_well(&tar);
        assert_int_equal(header.type, '2');
        assert_text(&header.path, "a");
        assert_text(&header.link, "b");
        assert_int_equal(header.size, 0);

        tar_add(&device, &(TarEntry){ .type = '3', .name = "d", .major = 4095, .minor = 70000 });
        header = scan_well(&device);
        assert_int_equal(header.device_major, 4095);
        assert_int_equal(header.device_minor, 70000);
}

TEST(prefix_goes_in_front_of_a_name_in_ustar_alone) {
        static const struct {
                const char *magic, *name;
        } formats[] = {
                { "ustar\00000", "dir/name" },
                { "ustar\0  ", "dir/name" },
                { "ustar  \0", "name" },
                { "\0\0\0\0\0\0\0\0", "name" },
        };

        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
                const TarEntry entry = { .name = "name", .prefix = i == 2 ? "" : "dir" };
                _cleanup_(bytes_done) Bytes tar = { 0 };
                UnpackHeader header;

                tar_add(&tar, &entry);
                memcpy(tar.data + 257, formats[i].magic, 8);
                header = scan_well(&tar);
                assert_int_equal(header.path.size, strlen(formats[i].name));
                assert_memory_equal(header.path.text, formats[i].name, header.path.size);
        }
}

TEST(last_record_of_a_key_counts) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
        UnpackHeader header;

        pax_add(&records, "path", "first", 5);
        pax_add(&records, "linkpath", "link", 4);
        pax_add(&records, "pathological", "no", 2);
        pax_add(&records, "path", "a=b\n", 4);
        tar_extra(&tar, 'x', records.data, records.size);
        tar_file(&tar, "a", "");
        assert_int_equal(scan(&tar, tar.size, &header), 0);
        assert_text(&header.path, "a=b\n");
        assert_text(&header.link, "link");
        assert_int_equal(header.type, '0');
}

TEST(sparse_name_counts_before_path) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
        UnpackHeader header;

        pax_add(&records, "GNU.sparse.name", "real", 4);
        pax_add(&records, "path", "GNUSparseFile.1/real", 20);
        pax_add(&records, "GNU.sparse.size", "7", 1);
        pax_add(&records, "GNU.sparse.numblocks", "1", 1);
        pax_add(&records, "GNU.sparse.map", "7,0", 3);
        tar_extra(&tar, 'x', records.data, records.size);
        tar_file(&tar, "a", "");
        assert_int_equal(scan(&tar, tar.size, &header), 0);
        assert_text(&header.path, "real");
}

TEST(gnu_names_count_and_global_headers_do_not) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
        UnpackHeader header;

        pax_add(&records, "uid", "7", 1);
        tar_extra(&tar, 'g', records.data, records.size);
        tar_extra(&tar, 'L', "first", 6);
        tar_extra(&tar, 'L', "long\0er", 8);
        tar_extra(&tar, 'K', "linked", 7);
        tar_hardlink(&tar, "a", "b");
        header = scan_well(&tar);
        assert_text(&header.path, "long");
        assert_text(&header.link, "linked");
        assert_int_equal(header.type, '1');
}

TEST(headers_that_end_early_are_told) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        UnpackHeader header = { .type = '?' };

        tar_pax(&tar, "path", "name");
        tar_file(&tar, "a", "");
        for (size_t size = 0; size < tar.size; size += 100)
                assert_int_equal(scan(&tar, size, &header), -ENODATA);
        assert_int_equal(header.type, '?');
}

TEST(header_over_the_limit_is_told_before_its_content) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        UnpackHeader header;

        tar_add(&tar, &(TarEntry){ .type = 'x', .name = "x", .size = LIMIT + 1 });
        assert_int_equal(scan(&tar, tar.size, &header), -EFBIG);
        bytes_done(&tar);
        tar_add(&tar, &(TarEntry){ .type = 'L', .name = "x", .size = UINT64_C(1) << 62 });
        assert_int_equal(scan(&tar, tar.size, &header), -EFBIG);
}

TEST(malformed_records_are_told) {
        static const char *const records[] = {
                "",
                "99999999999999999999 path=x\n",
                "8 path=x",
                " 9 path=x\n",
                "9 path=xx\n",
                "6 =x\n\n",
                "9path=xy\n",
                "13 pa\0th=xyz\n",
        };
        UnpackHeader header;

        for (size_t i = 1; i < sizeof(records) / sizeof(records[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_extra(&tar, 'x', records[i], i == 7 ? 13 : strlen(records[i]));
                tar_file(&tar, "a", "");
                assert_int_equal(scan(&tar, tar.size, &header), -EBADMSG);
        }
}

TEST(sizes_are_read_by_type) {
        static const struct {
                char type;
                uint64_t size;
        } types[] = { { '0', 9 }, { '7', 9 }, { 'D', 9 }, { 'Z', 9 }, { '1', 0 },
                      { '2', 0 }, { '3', 0 }, { '5', 0 }, { '6', 0 } };

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_add(&tar, &(TarEntry){ .type = types[i].type, .name = "a", .size = 9 });
                assert_int_equal(scan_well(&tar).size, types[i].size);
        }
}

TEST(pax_size_counts_before_the_headers) {
        _cleanup_(bytes_done) Bytes tar = { 0 };

        tar_pax(&tar, "size", "8589934592");
        tar_file(&tar, "a", "");
        assert_int_equal(scan_well(&tar).size, UINT64_C(8589934592));
}

TEST(numbers_that_readers_read_differently_are_in_doubt) {
        static const char *const sizes[] = {
                "-0000000001",
                "12345x",
                "\tx",
                "abc",
                "+1",
                "8",
                " \0007",
                "\0007",
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        };
        static const char *const pax_sizes[] = {
                "-1", "", "1x", " 1", "0x1", "9223372036854775808"
        };

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_file(&tar, "a", "");
                memset(tar.data + 124, 0, 12);
                memcpy(tar.data + 124, sizes[i], i == 6 ? 4 : i == 7 ? 2 : strlen(sizes[i]));
                assert_doubt(&tar, "size is not a number");
        }
        for (size_t at = 100; at < 148; at += at == 124 ? 12 : 8) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_file(&tar, "a", "");
                memcpy(tar.data + at, "-1", 3);
                assert_doubt(&tar, "not a number");
        }
        for (size_t i = 0; i < sizeof(pax_sizes) / sizeof(pax_sizes[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_pax(&tar, "size", pax_sizes[i]);
                tar_file(&tar, "a", "");
                assert_doubt(&tar, "a size that is not a number");
        }
}

TEST(numbers_are_read_with_what_tools_put_around_them) {
        static const struct {
                const char *field;
                uint64_t size;
        } sizes[] = {
                { "            ", 0 },  { "777777777777", 0777777777777 },
                { "     12     ", 10 }, { "12\0garbage", 10 },
                { "12 garbage", 10 },   { "\x80\0\0\0\0\0\0\x12\0\0\0\0", UINT64_C(0x1200000000) },
        };

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_file(&tar, "a", "");
                memset(tar.data + 124, 0, 12);
                memcpy(tar.data + 124, sizes[i].field,
                       i == 3   ? 10
                       : i == 5 ? 12
                                : strlen(sizes[i].field));
                assert_int_equal(scan_well(&tar).size, sizes[i].size);
        }
}

TEST(what_readers_understand_differently_is_in_doubt) {
        static const char *const records[][3] = {
                { "uid", "12x", "owner or group" },
                { "gid", "", "owner or group" },
                { "mtime", "1.x", "time" },
                { "atime", "", "time" },
                { "SUN.holesdata", " 0 8", "holes" },
                { "GNU.sparse.name", "b", "records of a sparse file" },
                { "GNU.sparse.realsize", "9", "records of a sparse file" },
                { "GNU.sparse.map", "0,0", "sparse map" },
                { "GNU.sparse.offset", "1", "sparse map" },
                { "GNU.sparse.numbytes", "1", "sparse map" },
                { "GNU.sparse.major", "1", "sparse map" },
                { "GNU.sparse.minor", "1", "unknown format" },
        };

        for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_pax(&tar, records[i][0], records[i][1]);
                tar_add(&tar, &(TarEntry){ .name = "a", .content = "0\n" });
                assert_doubt(&tar, records[i][2]);
        }
}

TEST(headers_in_an_unusual_order_are_in_doubt) {
        static const struct {
                const char *types, *doubt; /* of the headers in front of a file */
        } orders[] = {
                { "xx", "several pax headers" },
                { "xX", "several pax headers" },
                { "Lxx", "several pax headers" },
                { "xg", "a global header sets names" },
                { "LV", "an archive-wide header is between" },
                { "xL", "disagree on a name" },
                { "Lx", "disagree on a name" },
                { "A", "Solaris" },
                { "N", "list of names" },
        };

        for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                for (const char *type = orders[i].types; *type != '\0'; type++)
                        if (*type == 'L')
                                tar_extra(&tar, 'L', "name", 5);
                        else if (*type == 'V')
                                tar_extra(&tar, 'V', NULL, 0);
                        else
                                tar_extra(&tar, *type, "14 path=name2\n", 14);
                tar_file(&tar, "a", "");
                assert_doubt(&tar, orders[i].doubt);
        }
}

TEST(volume_label_with_content_is_in_doubt) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, good = { 0 };
        UnpackHeader header;

        tar_add(&tar, &(TarEntry){ .type = 'V', .name = "label", .content = "x" });
        tar_file(&tar, "a", "");
        assert_doubt(&tar, "volume label");

        tar_add(&good, &(TarEntry){ .type = 'V', .name = "label" });
        tar_file(&good, "a", "");
        header = scan_well(&good);
        assert_text(&header.path, "a");
}

TEST(fields_of_sparse_files_are_for_those) {
        static const struct {
                size_t at;
                const char *doubt;
        } fields[] = {
                { 345, "the times of a GNU header" },
                { 357, "the times of a GNU header" },
                { 386, "has a sparse map but" },
                { 483, "size of a sparse file" },
        };

        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_file(&tar, "a", "");
                memcpy(tar.data + 257, "ustar  ", 8);
                scan_well(&tar);
                memcpy(tar.data + fields[i].at, "x1", 2);
                assert_doubt(&tar, fields[i].doubt);
        }
}

/* A sparse file of the old format, whose @n parts are of a block each, in as many blocks as that needs. */
static void add_old_sparse(Bytes *tar, size_t n, uint64_t size) {
        const size_t start = tar->size;

        tar_add(tar, &(TarEntry){ .type = 'S', .name = "a", .size = size });
        memcpy(tar->data + start + 257, "ustar  ", 8);
        tar_number(tar->data + start + 483, 12, 100000);
        for (size_t i = 0, at = start + 386, left = 4; i < n; i++, at += 24, left--) {
                if (left == 0) {
                        tar->data[tar->size - 512 + (tar->size - start == 512 ? 482 : 504)] = 1;
                        at = tar->size;
                        left = 21;
                        bytes_add(tar, (const uint8_t[TAR_BLOCK]){ 0 }, TAR_BLOCK);
                }
                tar_number(tar->data + at, 12, 1024 * i);
                tar_number(tar->data + at + 12, 12, TAR_BLOCK);
        }
}

TEST(old_sparse_maps_are_part_of_the_headers) {
        for (size_t n = 1; n < 70; n++) {
                _cleanup_(bytes_done) Bytes tar = { 0 }, other = { 0 };

                add_old_sparse(&tar, n, TAR_BLOCK * n);
                assert_int_equal(scan_well(&tar).size, 100000);
                add_old_sparse(&other, n, TAR_BLOCK * n + 1);
                assert_doubt(&other, "sparse map");
        }
}

static void add_sparse_lines(Bytes *tar, const char *lines, size_t stored) {
        _cleanup_(bytes_done) Bytes records = { 0 };
        uint8_t block[TAR_BLOCK] = { 0 };

        pax_add(&records, "GNU.sparse.major", "1", 1);
        pax_add(&records, "GNU.sparse.minor", "0", 1);
        pax_add(&records, "GNU.sparse.name", "sparse", 6);
        pax_add(&records, "GNU.sparse.realsize", "16384", 5);
        tar_extra(tar, 'x', records.data, records.size);
        memcpy(block, lines, strlen(lines));
        tar_add(tar, &(TarEntry){ .name = "GNUSparseFile.1/x", .size = stored });
        bytes_add(tar, block, sizeof(block));
}

TEST(sparse_map_in_front_of_the_content_is_part_of_the_headers) {
        static const char *const wrong[] = { "1\n0\n5\n", "2\n0\n4\n", "1\n0\n4x\n", "#\n1\n0\n4\n",
                                             "-1\n" };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        UnpackHeader header;

        add_sparse_lines(&tar, "2\n0\n512\n8192\n3\n", 2 * TAR_BLOCK + 3);
        header = scan_well(&tar);
        assert_int_equal(header.size, 16384);
        assert_text(&header.path, "sparse");

        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                _cleanup_(bytes_done) Bytes other = { 0 };
                int r;

                add_sparse_lines(&other, wrong[i], TAR_BLOCK + 4);
                r = scan(&other, other.size, &header);
                assert_true((r == 0 && header.doubt) || r == -EBADMSG || r == -ENODATA);
        }
}

TEST(sparse_maps_in_records_are_counted) {
        static const struct {
                const char *records; /* "KEY=VALUE KEY=VALUE…" */
                bool is_good;
        } maps[] = {
                { "size=2048 numblocks=2 offset=0 numbytes=512 offset=1024 numbytes=2", true },
                { "size=2048 offset=0 numbytes=512 offset=1024 numbytes=2", false },
                { "size=2048 numblocks=2 map=0,512,1024,2 name=b", true },
                { "size=2048 numblocks=3 map=0,512,1024,2", false },
                { "size=2048 numblocks=2 map=0,512,1024,3", false },
                { "size=2048 map=0,512,7", false },
                { "size=2048 map=0,512,1024,2,", false },
                { "size=2048 map=0,512,,2", false },
                { "map=0,512,1024,2", false },
                { "size=2048 map=0,512,1024,2 offset=0 numbytes=514", false },
                { "size=2048 offset=0 numbytes=512 offset=1024", false },
                { "size=2048 offset=0 offset=1024 numbytes=514", false },
                { "size=2048 numbytes=514 offset=0", false },
        };

        for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
                char text[128], key[64], *save = NULL;

                (void) snprintf(text, sizeof(text), "%s", maps[i].records);
                for (char *one = strtok_r(text, " ", &save); one;
                     one = strtok_r(NULL, " ", &save)) {
                        char *equals = strchr(one, '=');

                        *equals = '\0';
                        (void) snprintf(key, sizeof(key), "GNU.sparse.%s", one);
                        pax_add(&records, key, equals + 1, strlen(equals + 1));
                }
                tar_extra(&tar, 'x', records.data, records.size);
                tar_add(&tar, &(TarEntry){ .name = "a", .size = 514 });
                if (maps[i].is_good)
                        assert_int_equal(scan_well(&tar).size, 2048);
                else
                        assert_doubt(&tar, "sparse map");
        }
}

TEST(xattrs_over_the_limit_are_told) {
        static const struct {
                const char *key;
                size_t most;
        } keys[] = {
                { "SCHILY.xattr.user.x", 1000 },
                { "RHT.security.selinux", 1000 },
                { "LIBARCHIVE.xattr.user.x", 1336 }, /* base 64 */
        };

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                for (size_t over = 0; over <= 4; over += 4) {
                        _cleanup_(freep) char *value = malloc(2000);
                        _cleanup_(bytes_done) Bytes tar = { 0 };
                        UnpackHeader header;

                        memset(value, 'a', 2000);
                        tar_pax_bytes(&tar, keys[i].key, value, keys[i].most + over);
                        tar_file(&tar, "a", "");
                        assert_int_equal(scan(&tar, tar.size, &header), over > 0 ? -E2BIG : 0);
                }
}
