/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-idmap.h"

static IdMap map_of(const char *const *texts, size_t n) {
        IdMap map = { 0 };

        for (size_t i = 0; i < n; i++) {
                IdRange range;

                assert_int_equal(idmap_parse_range(texts[i], &range, NULL), 0);
                assert_int_equal(idmap_add(&map, &range, NULL), 0);
        }

        return map;
}

TEST(swap_works_in_either_order) {
        static const char *const forth[] = { "0:1000:1", "1000:0:1" };
        static const char *const back[] = { "1000:0:1", "0:1000:1" };
        const IdMap maps[] = { map_of(forth, 2), map_of(back, 2) };

        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(idmap_apply(&maps[i], 0), 1000);
                assert_int_equal(idmap_apply(&maps[i], 1000), 0);
        }
}

TEST(id_outside_every_range_stays) {
        static const char *const texts[] = { "10:100010:5" };
        const IdMap map = map_of(texts, 1), empty = { 0 };

        assert_int_equal(idmap_apply(&map, 9), 9);
        assert_int_equal(idmap_apply(&map, 10), 100010);
        assert_int_equal(idmap_apply(&map, 14), 100014);
        assert_int_equal(idmap_apply(&map, 15), 15);
        assert_int_equal(idmap_apply(&empty, 0), 0);
}

TEST(only_what_is_in_no_range_is_outside) {
        static const char *const texts[] = { "10:100010:5", "20:0:1" };
        const IdMap map = map_of(texts, 2), empty = { 0 };

        assert_true(idmap_covers(&map, 10) && idmap_covers(&map, 14) && idmap_covers(&map, 20));
        assert_false(idmap_covers(&map, 9) || idmap_covers(&map, 15) || idmap_covers(&map, 100010));
        assert_true(idmap_covers(&empty, 0));
}

TEST(identity_of_the_kernel_is_a_range) {
        static const char *const texts[] = { "0:0:4294967295" };
        const IdMap map = map_of(texts, 1);

        assert_int_equal(idmap_apply(&map, UINT32_MAX - 1), UINT32_MAX - 1);
        assert_true(idmap_covers(&map, UINT32_MAX - 1));
}

TEST(malformed_range_is_named) {
        static const char *const texts[] = {
                "",
                "0",
                "0:1",
                "0:1:",
                ":1:2",
                "0:1:2:3",
                "-1:0:1",
                " 0:0:1",
                "0:0:1 ",
                "0:0:0x1",
                "0:0:4294967296",
                "4294967295:0:1",
                "0:4294967295:1",
                "99999999999999999999:0:1",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                IdRange range;

                assert_int_equal(idmap_parse_range(texts[i], &range, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_INVALID_OPTION);
                assert_non_null(strstr(error_text(&error), texts[i]));
        }
}

TEST(overlap_of_starts_is_refused_and_of_targets_is_not) {
        static const char *const texts[] = { "0:100000:10" };
        IdMap map = map_of(texts, 1);
        const IdRange overlap = { 9, 500, 5 }, same_target = { 10, 100000, 1 },
                      empty = { 20, 0, 0 };
        const IdRange too_long = { 1, 0, UINT32_MAX - 1 };

        assert_int_equal(idmap_add(&map, &overlap, NULL), -EINVAL);
        assert_int_equal(idmap_add(&map, &empty, NULL), -EINVAL);
        assert_int_equal(idmap_add(&map, &too_long, NULL), -EINVAL);
        assert_int_equal(idmap_add(&map, &same_target, NULL), 0);
        assert_int_equal(map.n_ranges, 2);
}

TEST(range_over_the_ceiling_is_refused) {
        IdMap map = { 0 };

        for (uint32_t i = 0; i < ID_RANGES_MAX; i++)
                assert_int_equal(idmap_add(&map, &(IdRange){ i, i, 1 }, NULL), 0);
        assert_int_equal(idmap_add(&map, &(IdRange){ 1000, 0, 1 }, NULL), -E2BIG);
}
