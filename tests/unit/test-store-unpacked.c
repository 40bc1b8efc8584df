/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include "store-cache.h"
#include "store-unpacked.h"

static void assert_unpacked(StoreFixture *f, const Digest *digest, uint64_t expected) {
        uint64_t bytes = 0;

        assert_true(store_unpacked_find(f->store, digest, &bytes));
        assert_int_equal(bytes, expected);
}

static bool is_known(StoreFixture *f, const Digest *digest) {
        uint64_t bytes;

        return store_unpacked_find(f->store, digest, &bytes);
}

STORE_TEST(smallest_figure_counts) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "a"), other = store_put(f->store, "b");

        assert_false(is_known(f, &digest));
        store_unpacked_record(f->store, &digest, 300);
        assert_unpacked(f, &digest, 300);
        store_unpacked_record(f->store, &digest, UINT64_MAX);
        assert_unpacked(f, &digest, 300);
        store_unpacked_record(f->store, &digest, 200);
        assert_unpacked(f, &digest, 200);
        assert_false(is_known(f, &other));
}

STORE_TEST(figure_goes_with_its_blob) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "a"), damaged = store_put(f->store, "b");

        store_unpacked_record(f->store, &digest, 1);
        store_unpacked_record(f->store, &damaged, 2);
        assert_int_equal(store_remove_digest(f->store, &digest, NULL), 0);
        store_blob_quarantine(f->store, &damaged);
        assert_false(is_known(f, &digest));
        assert_false(is_known(f, &damaged));
}

STORE_TEST(damaged_record_is_no_figure) {
        static const char *const texts[] = { "",     "\n",   "x\n",
                                             "-1\n", "1x\n", "18446744073709551616\n" };
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "a");

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                scratch_write(&f->scratch, private_path("unpacked", &digest), texts[i]);
                assert_false(is_known(f, &digest));
        }
        store_unpacked_record(f->store, &digest, 7);
        assert_unpacked(f, &digest, 7);
}
