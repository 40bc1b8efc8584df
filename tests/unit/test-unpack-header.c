/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack-tar.h"

#include <errno.h>

#include "unpack-header.h"

#define LIMIT ((size_t) 4096)

static void assert_text(const HeaderText *text, const char *expected) {
        if (!expected) {
                assert_null(text->text);
                return;
        }
        assert_int_equal(text->size, strlen(expected));
        assert_memory_equal(text->text, expected, text->size);
}

static void plain_header_names_nothing(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        HeaderNames names;

        tar_symlink(&tar, "a", "b");
        assert_int_equal(header_scan(tar.data, tar.size, LIMIT, &names), 0);
        assert_int_equal(names.type, '2');
        assert_text(&names.path, NULL);
        assert_text(&names.link, NULL);
}

static void last_record_of_a_key_counts(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
        HeaderNames names;

        pax_add(&records, "path", "first", 5);
        pax_add(&records, "linkpath", "link", 4);
        pax_add(&records, "pathological", "no", 2);
        pax_add(&records, "path", "a=b\n", 4);
        tar_extra(&tar, 'x', records.data, records.size);
        tar_file(&tar, "a", "");
        assert_int_equal(header_scan(tar.data, tar.size, LIMIT, &names), 0);
        assert_text(&names.path, "a=b\n");
        assert_text(&names.link, "link");
        assert_int_equal(names.type, '0');
}

static void sparse_name_counts_before_path(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
        HeaderNames names;

        pax_add(&records, "GNU.sparse.name", "real", 4);
        pax_add(&records, "path", "GNUSparseFile.1/real", 20);
        tar_extra(&tar, 'x', records.data, records.size);
        tar_file(&tar, "a", "");
        assert_int_equal(header_scan(tar.data, tar.size, LIMIT, &names), 0);
        assert_text(&names.path, "real");
}

static void global_and_gnu_headers_are_passed_over(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
        HeaderNames names;

        pax_add(&records, "path", "global", 6);
        tar_extra(&tar, 'g', records.data, records.size);
        tar_extra(&tar, 'L', "long", 5);
        tar_extra(&tar, 'K', "long", 5);
        tar_hardlink(&tar, "a", "b");
        assert_int_equal(header_scan(tar.data, tar.size, LIMIT, &names), 0);
        assert_text(&names.path, NULL);
        assert_int_equal(names.type, '1');
}

static void headers_that_end_early_are_told(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        HeaderNames names = { .type = '?' };

        tar_pax(&tar, "path", "name");
        tar_file(&tar, "a", "");
        for (size_t size = 0; size < tar.size; size += 100)
                assert_int_equal(header_scan(tar.data, size, LIMIT, &names), -ENODATA);
        assert_int_equal(names.type, '?');
}

static void header_over_the_limit_is_told_before_its_content(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        HeaderNames names;

        tar_add(&tar, &(TarEntry){ .type = 'x', .name = "x", .size = LIMIT + 1 });
        assert_int_equal(header_scan(tar.data, tar.size, LIMIT, &names), -EFBIG);
        bytes_done(&tar);
        tar_add(&tar, &(TarEntry){ .type = 'L', .name = "x", .size = UINT64_C(1) << 62 });
        assert_int_equal(header_scan(tar.data, tar.size, LIMIT, &names), -EFBIG);
}

static void malformed_records_are_told(void **state) {
        static const char *const records[] = {
                "",
                "99999999999999999999 path=x\n",
                "8 path=x",
                " 9 path=x\n",
                "9 path=xx\n",
                "6 =x\n\n",
                "9path=xy\n",
        };
        HeaderNames names;

        for (size_t i = 1; i < sizeof(records) / sizeof(records[0]); i++) {
                _cleanup_(bytes_done) Bytes tar = { 0 };

                tar_extra(&tar, 'x', records[i], strlen(records[i]));
                tar_file(&tar, "a", "");
                assert_int_equal(header_scan(tar.data, tar.size, LIMIT, &names), -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(plain_header_names_nothing),
                CASE(last_record_of_a_key_counts),
                CASE(sparse_name_counts_before_path),
                CASE(global_and_gnu_headers_are_passed_over),
                CASE(headers_that_end_early_are_told),
                CASE(header_over_the_limit_is_told_before_its_content),
                CASE(malformed_records_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
