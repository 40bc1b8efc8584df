/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <string.h>
#include <unistd.h>

#include "base-subid.h"

static bool misses(const IdMap *own, uint32_t target, uint32_t count) {
        IdMap map = { .ranges = { { 0, target, count } }, .n_ranges = 1 };
        IdRange missing = { 0 };

        if (!subid_find_missing(own, &map, &missing))
                return false;
        assert_int_equal(missing.target, target);
        assert_int_equal(missing.count, count);
        return true;
}

TEST(lines_of_the_user_count_by_name_and_number) {
        IdMap ids = { 0 };

        subid_parse(
                "root:1:2\nme:100000:10\n1000:200000:10\nmeme:5:5\nm:6:6\n10:7:7\n10000:8:8", "me",
                1000, &ids);
        assert_int_equal(ids.n_ranges, 2);
        assert_int_equal(ids.ranges[0].start, 100000);
        assert_int_equal(ids.ranges[0].target, 100000);
        assert_int_equal(ids.ranges[0].count, 10);
        assert_int_equal(ids.ranges[1].start, 200000);
}

TEST(user_without_a_name_has_those_of_its_number) {
        IdMap ids = { 0 };

        subid_parse("me:100000:10\n1000:200000:10", NULL, 1000, &ids);
        assert_int_equal(ids.n_ranges, 1);
        assert_int_equal(ids.ranges[0].start, 200000);
}

TEST(malformed_lines_give_nothing) {
        static const char *const texts[] = {
                "",
                "me",
                "me:",
                "me:1",
                "me:1:",
                "me::1",
                "me:1:0",
                "me:-1:1",
                "me: 1:1",
                "me:1:1:1",
                "me:1:1 ",
                "me:0x1:1",
                "me:1:+1",
                "#me:1:1",
                " me:1:1",
                "me:4294967296:1",
                "me:1:4294967296",
                "me:4294967294:2",
                "me:1:99999999999999999999",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                IdMap ids = { 0 };

                subid_parse(texts[i], "me", 1000, &ids);
                assert_int_equal(ids.n_ranges, 0);
        }
}

TEST(overlapping_ranges_are_passed_over) {
        IdMap ids = { 0 };

        subid_parse("me:100:10\nme:105:10\nme:110:10\n", "me", 1000, &ids);
        assert_int_equal(ids.n_ranges, 2);
        assert_int_equal(ids.ranges[1].start, 110);
}

TEST(target_may_be_in_several_ranges_that_touch) {
        IdMap ids = { 0 };

        subid_parse("me:100:10\nme:1:1\nme:110:10\n", "me", 1000, &ids);
        assert_false(misses(&ids, 100, 20) || misses(&ids, 105, 10) || misses(&ids, 1, 1));
        assert_true(misses(&ids, 99, 2) && misses(&ids, 100, 21) && misses(&ids, 1, 2));
        assert_true(misses(&ids, 0, UINT32_MAX));
}

TEST(namespace_of_all_ids_has_all_of_them) {
        IdMap ids = { 0 };

        subid_parse_namespace("         0          0 4294967295\n", &ids);
        assert_false(misses(&ids, 0, UINT32_MAX));
}

TEST(namespace_has_the_ids_inside_of_it) {
        IdMap ids = { 0 };

        subid_parse_namespace("0 1000 1\n1 100000 65536\n", &ids);
        assert_false(misses(&ids, 0, 65537));
        assert_true(misses(&ids, 0, 65538) && misses(&ids, 100000, 1));
}

TEST(own_id_is_the_first_of_a_user) {
        SubIds ids;

        assert_int_equal(subid_read(&ids, NULL), 0);
        assert_true(ids.uids.n_ranges >= 1 && ids.gids.n_ranges >= 1);
        assert_false(misses(&ids.uids, geteuid(), 1) || misses(&ids.gids, getegid(), 1));
        if (geteuid() != 0)
                assert_int_equal(ids.uids.ranges[0].start, geteuid());
}
