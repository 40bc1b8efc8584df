/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

static const char *const parts[] = {
        "store/oci-layout",
        "store/index.json",
        "store/blobs/sha256",
        "store/blobs/sha512",
        "store/virt-bootstrap/partial",
        "store/virt-bootstrap/verified",
        "store/virt-bootstrap/journal",
        "store/virt-bootstrap/disks",
        "store/virt-bootstrap/leases",
        "store/disks",
        "store/virt-bootstrap/lock",
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

STORE_TEST(new_store_is_an_oci_layout) {
        StoreFixture *f = *state;
        char *content = scratch_read(&f->scratch, "store/oci-layout");

        for (size_t i = 0; i < N_PARTS; i++)
                assert_true(scratch_exists(&f->scratch, parts[i]));
        assert_string_equal(content, "{\"imageLayoutVersion\":\"1.0.0\"}\n");
        assert_string_equal(store_path(f->store), scratch_at(&f->scratch, "store"));
        free(content);
}

STORE_TEST(only_the_disk_images_can_be_reached_by_others) {
        static const struct {
                const char *path;
                mode_t mode;
        } cases[] = {
                { "store/virt-bootstrap", 0700 },
                { "store/blobs", 0700 },
                { "store/index.json", 0600 },
                { "store/disks", 0711 },
        };
        StoreFixture *f = *state;
        struct stat st;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(stat(scratch_at(&f->scratch, cases[i].path), &st), 0);
                assert_int_equal(st.st_mode & 07777, cases[i].mode);
        }
}

STORE_TEST(store_is_opened_again_with_what_is_in_it) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "kept");
        StoreBlob blob = STORE_BLOB_NULL;

        scratch_write(&f->scratch, "store/index.json", "as it was");
        f->store = store_free(f->store);
        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &f->store, NULL), 0);
        assert_int_equal(store_blob_open(f->store, &digest, &blob, NULL), 1);
        assert_true(blob.is_verified);
        close(blob.fd);

        char *content = scratch_read(&f->scratch, "store/index.json");

        assert_string_equal(content, "as it was");
        free(content);
}

STORE_TEST(missing_parts_and_parents_are_made) {
        StoreFixture *f = *state;

        f->store = store_free(f->store);
        assert_int_equal(rmdir(scratch_at(&f->scratch, "store/virt-bootstrap/journal")), 0);
        assert_int_equal(unlink(scratch_at(&f->scratch, "store/index.json")), 0);
        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &f->store, NULL), 0);
        for (size_t i = 0; i < N_PARTS; i++)
                assert_true(scratch_exists(&f->scratch, parts[i]));

        f->store = store_free(f->store);
        assert_int_equal(store_open(scratch_at(&f->scratch, "a/b/c"), &f->store, NULL), 0);
        assert_true(scratch_exists(&f->scratch, "a/b/c/index.json"));
}

STORE_TEST(two_may_have_it_open) {
        StoreFixture *f = *state;
        Store *other = NULL;

        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &other, NULL), 0);
        store_free(other);
}

STORE_TEST(what_is_no_directory_is_refused) {
        StoreFixture *f = *state;
        Store *other = NULL;
        Error error = ERROR_NULL;

        scratch_write(&f->scratch, "file", "x");
        assert_int_equal(store_open(scratch_at(&f->scratch, "file"), &other, &error), -ENOTDIR);
        assert_null(other);
        assert_non_null(strstr(error.message, "/file"));
        error_clear(&error);

        assert_int_equal(symlink("/tmp", scratch_at(&f->scratch, "store/blobs/link")), 0);
        assert_int_equal(rmdir(scratch_at(&f->scratch, "store/blobs/sha512")), 0);
        assert_int_equal(
                rename(scratch_at(&f->scratch, "store/blobs/link"),
                       scratch_at(&f->scratch, "store/blobs/sha512")),
                0);
        assert_true(store_open(scratch_at(&f->scratch, "store"), &other, &error) < 0);
        assert_null(other);
        error_clear(&error);
}
