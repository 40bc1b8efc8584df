/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include "store-cache.h"

/* When a blob was used last, in seconds since the epoch. */
static void set_used(StoreFixture *f, const char *path, time_t seconds) {
        const struct timespec times[] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

        assert_int_equal(utimensat(AT_FDCWD, scratch_at(&f->scratch, path), times, 0), 0);
}

static Digest put_used(StoreFixture *f, const char *content, time_t seconds) {
        Digest digest = store_put(f->store, content);

        set_used(f, private_path("verified", &digest), seconds);
        return digest;
}

static bool has(StoreFixture *f, const Digest *digest) {
        return scratch_exists(&f->scratch, blob_path(digest));
}

STORE_TEST(list_has_all_blobs_the_least_recently_used_first) {
        StoreFixture *f = *state;
        Digest b = put_used(f, "bb", 2000), a = put_used(f, "a", 1000), part = digest_of("part");
        StoreEntry *entries = NULL;
        size_t n = 0;

        store_put_partial(f->store, &part, "pa");
        scratch_write(&f->scratch, "store/blobs/sha256/not-a-digest", "xxxx");
        scratch_write(&f->scratch, "store/virt-bootstrap/partial/not-a-digest", "xxxx");

        assert_int_equal(store_list(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 3);
        assert_true(digest_equal(&entries[0].digest, &a));
        assert_int_equal(entries[0].size, 1);
        assert_int_equal(entries[0].used_usec, UINT64_C(1000000000));
        assert_int_equal(entries[0].state, STORE_ENTRY_OK);
        assert_true(digest_equal(&entries[1].digest, &b));
        assert_true(digest_equal(&entries[2].digest, &part));
        assert_int_equal(entries[2].state, STORE_ENTRY_PARTIAL);
        assert_int_equal(entries[2].size, 2);
        assert_true(entries[2].is_partial);
        free(entries);
}

STORE_TEST(empty_cache_lists_nothing) {
        StoreFixture *f = *state;
        StoreEntry *entries = NULL;
        size_t n = 1;

        assert_int_equal(store_list(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 0);
        free(entries);
        assert_int_equal(store_prune_to(f->store, 0), 0);
}

STORE_TEST(opening_a_blob_is_using_it) {
        StoreFixture *f = *state;
        Digest a = put_used(f, "a", 1000), b = put_used(f, "b", 2000);
        StoreBlob blob = STORE_BLOB_NULL;
        StoreEntry *entries = NULL;
        size_t n;

        assert_int_equal(store_blob_open(f->store, &a, &blob, NULL), 1);
        assert_int_equal(store_list(f->store, &entries, &n, NULL), 0);
        assert_true(digest_equal(&entries[0].digest, &b));
        assert_int_equal(entries[0].state, STORE_ENTRY_OK);
        assert_true(digest_equal(&entries[1].digest, &a));
        assert_int_equal(entries[1].state, STORE_ENTRY_USED);
        assert_true(entries[1].used_usec > UINT64_C(1600000000000000));
        free(entries);
        close(blob.fd);

        /* It stays verified. */
        assert_int_equal(store_blob_open(f->store, &a, &blob, NULL), 1);
        assert_true(blob.is_verified);
        close(blob.fd);
}

STORE_TEST(removed_blob_is_gone_with_its_record) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        Error error = ERROR_NULL;

        assert_int_equal(store_remove_digest(f->store, &digest, NULL), 0);
        assert_false(has(f, &digest));
        assert_false(scratch_exists(&f->scratch, private_path("verified", &digest)));
        assert_int_equal(store_remove_digest(f->store, &digest, &error), -ENOENT);
        assert_int_equal(error.kind, ERROR_NOT_FOUND);
        error_clear(&error);
}

STORE_TEST(partial_blob_can_be_removed) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");

        store_put_partial(f->store, &digest, "con");
        assert_int_equal(store_remove_digest(f->store, &digest, NULL), 0);
        assert_false(scratch_exists(&f->scratch, private_path("partial", &digest)));
}

STORE_TEST(leased_blob_cannot_be_removed) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        StoreBlob blob = STORE_BLOB_NULL;
        Error error = ERROR_NULL;

        assert_int_equal(store_blob_open(f->store, &digest, &blob, NULL), 1);
        assert_int_equal(store_remove_digest(f->store, &digest, &error), -EBUSY);
        assert_int_equal(error.kind, ERROR_CACHE_BUSY);
        error_clear(&error);
        assert_true(has(f, &digest));
        close(blob.fd);
        assert_int_equal(store_remove_digest(f->store, &digest, NULL), 0);
}

STORE_TEST(blob_that_arrives_cannot_be_removed) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        int fd;

        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(fd_write_full(fd, "con", 3), 0);
        assert_int_equal(store_remove_digest(f->store, &digest, NULL), -EBUSY);
        assert_int_equal(store_prune_to(f->store, 0), 0);
        assert_true(store_partial_is_current(f->store, &digest, STORE_SIZE_UNKNOWN, fd));
        close(fd);
}

STORE_TEST(prune_takes_the_least_recently_used_first) {
        StoreFixture *f = *state;
        Digest c = put_used(f, "cccc", 3000), a = put_used(f, "aaaa", 1000),
               b = put_used(f, "bbbb", 2000);
        const uint64_t all = store_blob_bytes(f->store);

        assert_int_equal(store_prune_to(f->store, all), 0);
        assert_int_equal(store_prune_to(f->store, all - 1), all / 3);
        assert_false(has(f, &a));
        assert_true(has(f, &b) && has(f, &c));
        assert_int_equal(store_prune_to(f->store, all / 3 - 1), all / 3 * 2);
        assert_false(has(f, &b) || has(f, &c));
}

STORE_TEST(prune_leaves_what_is_leased) {
        StoreFixture *f = *state;
        Digest a = put_used(f, "aaaa", 1000), b = put_used(f, "bbbb", 2000);
        StoreBlob blob = STORE_BLOB_NULL;
        const uint64_t all = store_blob_bytes(f->store);

        assert_int_equal(store_blob_open(f->store, &a, &blob, NULL), 1);
        set_used(f, private_path("verified", &a), 1000);
        assert_int_equal(store_prune_to(f->store, 0), all / 2);
        assert_true(has(f, &a));
        assert_false(has(f, &b));
        close(blob.fd);
}

STORE_TEST(prune_counts_what_was_partial_of_a_blob_too) {
        StoreFixture *f = *state;
        Digest a = put_used(f, "aaaa", 1000), b = put_used(f, "bbbb", 2000);
        const uint64_t of_b = store_blob_bytes(f->store) / 2;
        uint64_t all;

        store_put_partial(f->store, &a, "aaaaa");
        set_used(f, private_path("partial", &a), 1000);
        all = store_blob_bytes(f->store);
        assert_int_equal(store_prune_to(f->store, of_b), all - of_b);
        assert_false(has(f, &a));
        assert_true(has(f, &b));
}

/* Files of one blob's digest that nobody fills, changed one after the other. */
static void put_leftovers(StoreFixture *f, Digest *digest, uint64_t n) {
        *digest = digest_of("content");
        for (uint64_t size = n; size > 0; size--) {
                store_put_partial_of(f->store, digest, size, "four");
                set_used(f, partial_path(digest, size), 1000 + (time_t) (n - size));
        }
}

static bool has_partial(StoreFixture *f, const Digest *digest, uint64_t size) {
        return scratch_exists(&f->scratch, partial_path(digest, size));
}

STORE_TEST(oldest_partial_blobs_make_room) {
        StoreFixture *f = *state;
        Digest digest;
        int fd;

        put_leftovers(f, &digest, 5);
        assert_int_equal(store_partial_open(f->store, &digest, 5, &fd, NULL), 0);
        assert_int_equal(store_partial_size(f->store, &digest, 5), 4);
        assert_int_equal(store_partial_size(f->store, &digest, 6), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(store_partial_free(f->store, 5), 8);
        assert_true(has_partial(f, &digest, 5)); /* somebody fills it */
        assert_false(has_partial(f, &digest, 4) || has_partial(f, &digest, 3));
        assert_true(has_partial(f, &digest, 2) && has_partial(f, &digest, 1));
        close(fd);
        assert_int_equal(store_partial_free(f->store, UINT64_MAX), 12);
        assert_int_equal(store_partial_free(f->store, UINT64_MAX), 0);
}

STORE_TEST(partial_blob_that_was_just_opened_is_no_leftover) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        int fd, other;

        store_put_partial_of(f->store, &digest, 7, "con");
        assert_int_equal(store_partial_open(f->store, &digest, 7, &fd, NULL), 0);
        assert_int_equal(store_partial_free(f->store, UINT64_MAX), 0);
        store_partial_trim(f->store, 0);
        assert_int_equal(store_remove_digest(f->store, &digest, NULL), -EBUSY);
        assert_int_equal(store_prune_to(f->store, 0), 0);
        assert_true(store_partial_is_current(f->store, &digest, 7, fd));

        assert_int_equal(store_partial_open(f->store, &digest, 7, &other, NULL), 0);
        assert_true(store_partial_is_busy(other));
        close(fd);
        assert_false(store_partial_is_busy(other));
        close(other);
}

STORE_TEST(partial_blobs_are_trimmed_to_a_size) {
        StoreFixture *f = *state;
        Digest digest;

        put_leftovers(f, &digest, 4);
        store_partial_trim(f->store, 16);
        assert_true(has_partial(f, &digest, 4));
        store_partial_trim(f->store, 9);
        assert_false(has_partial(f, &digest, 4) || has_partial(f, &digest, 3));
        assert_true(has_partial(f, &digest, 2) && has_partial(f, &digest, 1));
        assert_int_equal(store_remove_digest(f->store, &digest, NULL), 0);
        assert_false(has_partial(f, &digest, 2) || has_partial(f, &digest, 1));
}

STORE_TEST(partial_blobs_are_trimmed_to_a_number) {
        StoreFixture *f = *state;
        Digest digest;

        put_leftovers(f, &digest, STORE_PARTIALS_MAX + 2);
        store_partial_trim(f->store, UINT64_MAX);
        assert_false(has_partial(f, &digest, STORE_PARTIALS_MAX + 1));
        assert_true(has_partial(f, &digest, STORE_PARTIALS_MAX));
        assert_true(has_partial(f, &digest, 1));
}

STORE_TEST(what_is_no_file_is_not_listed) {
        StoreFixture *f = *state;
        Digest a = digest_of("a"), b = digest_of("b");
        StoreEntry *entries = NULL;
        size_t n = 1;

        assert_int_equal(mkfifo(scratch_at(&f->scratch, blob_path(&a)), 0644), 0);
        assert_int_equal(mkdir(scratch_at(&f->scratch, blob_path(&b)), 0755), 0);
        assert_int_equal(store_list(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 0);
        free(entries);
}
