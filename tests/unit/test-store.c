/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include "store-cache.h"
#include "store-disk.h"

int store_set_up(void **state) {
        StoreFixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &f->store, NULL), 0);
        *state = f;
        return 0;
}

int store_tear_down(void **state) {
        StoreFixture *f = *state;

        store_free(f->store);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

Digest digest_of(const char *content) {
        Digest digest;

        assert_int_equal(hash_buffer(DIGEST_SHA256, content, strlen(content), &digest, NULL), 0);
        return digest;
}

char *blob_path(const Digest *digest) {
        static char path[SCRATCH_PATH_MAX];
        char hex[DIGEST_HEX_MAX];

        (void) snprintf(
                path, sizeof(path), "store/blobs/%s/%s",
                digest_algorithm_to_string(digest->algorithm), digest_format_hex(digest, hex));
        return path;
}

char *private_path(const char *directory, const Digest *digest) {
        static char path[SCRATCH_PATH_MAX];
        char hex[DIGEST_HEX_MAX];

        (void) snprintf(
                path, sizeof(path), "store/virt-bootstrap/%s/%s-%s", directory,
                digest_algorithm_to_string(digest->algorithm), digest_format_hex(digest, hex));
        return path;
}

char *partial_path(const Digest *digest, uint64_t size) {
        char *path = private_path("partial", digest);

        (void) sprintf(path + strlen(path), ".%ju", (uintmax_t) size);
        return path;
}

void store_put_partial_of(Store *store, const Digest *digest, uint64_t size, const char *content) {
        int fd;

        assert_int_equal(store_partial_open(store, digest, size, &fd, NULL), 0);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(fd_write_full(fd, content, strlen(content)), 0);
        close(fd);
}

void store_put_partial(Store *store, const Digest *digest, const char *content) {
        store_put_partial_of(store, digest, STORE_SIZE_UNKNOWN, content);
}

Digest store_put_with(Store *store, const char *content, bool no_sync) {
        Digest digest = digest_of(content);
        int fd;

        assert_int_equal(store_partial_open(store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(fd_write_full(fd, content, strlen(content)), 0);
        assert_int_equal(
                store_blob_publish(store, &digest, STORE_SIZE_UNKNOWN, fd, no_sync, NULL), 0);
        close(fd);
        return digest;
}

Digest store_put(Store *store, const char *content) {
        return store_put_with(store, content, false);
}

void store_open_again(StoreFixture *f, const char *boot) {
        f->store = store_free(f->store);
        assert_int_equal(
                store_open_in_boot(scratch_at(&f->scratch, "store"), boot, &f->store, NULL), 0);
}

uint64_t store_prune_to(Store *store, uint64_t keep) {
        const StorePruning pruning = { .keep_bytes = keep, .before_usec = STORE_PRUNE_ANY };
        StoreRemovals removals = { 0 };
        uint64_t freed;

        assert_int_equal(store_prune(store, &pruning, &removals, NULL), 0);
        freed = removals.disk_bytes;
        store_removals_done(&removals);
        return freed;
}

int store_remove_digest(Store *store, const Digest *digest, Error *error) {
        StoreRemovals removals = { 0 };
        char text[DIGEST_STRING_MAX];
        int r;

        r = store_remove(store, NULL, digest_format(digest, text), &removals, error);
        store_removals_done(&removals);
        return r;
}

uint64_t store_blob_bytes(Store *store) {
        StoreEntry *entries = NULL;
        uint64_t bytes = 0;
        size_t n = 0;

        assert_int_equal(store_list(store, &entries, &n, NULL), 0);
        for (size_t i = 0; i < n; i++)
                bytes += entries[i].disk_bytes;
        free(entries);
        return bytes;
}

uint64_t store_disk_bytes(Store *store) {
        StoreDiskEntry *disks = NULL;
        uint64_t bytes = 0;
        size_t n = 0;

        assert_int_equal(store_disk_list(store, &disks, &n, NULL), 0);
        for (size_t i = 0; i < n; i++)
                bytes += disks[i].disk_bytes;
        store_disk_entries_free(disks, n);
        return bytes;
}
