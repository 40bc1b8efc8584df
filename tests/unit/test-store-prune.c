/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include "base-macro.h"
#include "store-catalog.h"
#include "store-disk.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define BASE          "the layer that all images have"

/* An image with a manifest and a layer of its own, and BASE; its manifest was used at this second. */
static Digest put_image(StoreFixture *f, const char *reference, const char *layer, time_t used) {
        const struct timespec times[] = { { .tv_sec = used }, { .tv_sec = used } };
        Digest blobs[] = { store_put(f->store, BASE), store_put(f->store, layer) };
        StoreImage image = { .blobs = blobs, .n_blobs = 2 };
        char manifest[128];

        (void) snprintf(manifest, sizeof(manifest), "manifest of %s", layer);
        image.top = image.manifest = store_put(f->store, manifest);
        strcpy(image.reference, reference);
        strcpy(image.top_media_type, MANIFEST_TYPE);
        strcpy(image.manifest_media_type, MANIFEST_TYPE);
        strcpy(image.platform, "linux/amd64");
        assert_int_equal(store_image_add(f->store, &image, false, NULL), 0);
        assert_int_equal(
                utimensat(
                        AT_FDCWD, scratch_at(&f->scratch, private_path("verified", &image.top)),
                        times, 0),
                0);
        return image.top;
}

static bool has(StoreFixture *f, const char *content) {
        const Digest digest = digest_of(content);

        return scratch_exists(&f->scratch, blob_path(&digest));
}

/* "NAME …" of all images. */
static const char *names(StoreFixture *f) {
        static char text[1024];
        StoreCatalog catalog = { 0 };

        text[0] = '\0';
        assert_int_equal(store_catalog_read(f->store, &catalog, NULL), 0);
        for (size_t i = 0; i < catalog.n_images; i++)
                (void) strcat(strcat(text, catalog.images[i].image.reference), " ");
        store_catalog_done(&catalog);
        return text;
}

/* "KIND:NAME …" of what was removed. */
static const char *told(StoreRemovals *removals) {
        static char text[4096];

        text[0] = '\0';
        for (size_t i = 0; i < removals->n; i++) {
                (void) strcat(text, store_removal_kind_to_string(removals->all[i].kind));
                (void) strcat(strcat(strcat(text, ":"), removals->all[i].name), " ");
        }
        store_removals_done(removals);
        return text;
}

static const char *prune(StoreFixture *f, const StorePruning *pruning) {
        StoreRemovals removals = { 0 };

        assert_int_equal(store_prune(f->store, pruning, &removals, NULL), 0);
        return told(&removals);
}

STORE_TEST(image_has_its_size_and_what_others_share) {
        StoreFixture *f = *state;
        StoreCatalog catalog = { 0 };
        uint64_t of_base = 0;
        const uint32_t *users;
        size_t n;

        (void) put_image(f, "a", "layer a", 2000);
        (void) put_image(f, "b", "layer b", 1000);
        (void) store_put(f->store, "of no image");
        assert_int_equal(store_catalog_read(f->store, &catalog, NULL), 0);
        assert_int_equal(catalog.n_images, 2);
        assert_string_equal(catalog.images[0].image.reference, "b");
        assert_int_equal(catalog.images[0].used_usec, UINT64_C(1000000000));
        for (size_t i = 0; i < catalog.n_blobs; i++) {
                const Digest base = digest_of(BASE);

                users = store_catalog_users(&catalog, i, &n);
                assert_int_equal(n, catalog.blobs[i].n_images);
                if (digest_equal(&catalog.blobs[i].entry.digest, &base)) {
                        of_base = catalog.blobs[i].entry.disk_bytes;
                        assert_int_equal(n, 2);
                        assert_int_equal(users[0], 0);
                        assert_int_equal(users[1], 1);
                }
        }
        assert_int_equal(catalog.images[0].shared_bytes, of_base);
        assert_int_equal(catalog.images[0].disk_bytes, 3 * of_base); /* a block each */
        store_catalog_done(&catalog);
}

STORE_TEST(image_goes_with_the_blobs_that_no_other_needs) {
        StoreFixture *f = *state;
        StoreRemovals removals = { 0 };
        uint64_t before;

        (void) put_image(f, "a", "layer a", 2000);
        (void) put_image(f, "b", "layer b", 1000);
        before = store_blob_bytes(f->store);
        assert_int_equal(store_remove(f->store, "a", "a", &removals, NULL), 0);
        assert_int_equal(removals.disk_bytes, before - store_blob_bytes(f->store));
        assert_string_equal(told(&removals), "image:a ");
        assert_string_equal(names(f), "b ");
        assert_false(has(f, "layer a") || has(f, "manifest of layer a"));
        assert_true(has(f, BASE) && has(f, "layer b"));
        assert_int_equal(store_remove(f->store, "b", "b", &removals, NULL), 0);
        store_removals_done(&removals);
        assert_int_equal(store_blob_bytes(f->store), 0);
}

STORE_TEST(one_of_two_names_is_removed_without_the_blobs) {
        StoreFixture *f = *state;
        StoreRemovals removals = { 0 };

        (void) put_image(f, "a", "layer", 1000);
        (void) put_image(f, "b", "layer", 1000);
        assert_int_equal(store_remove(f->store, "a", "a", &removals, NULL), 0);
        assert_int_equal(removals.disk_bytes, 0);
        store_removals_done(&removals);
        assert_string_equal(names(f), "b ");
        assert_true(has(f, "layer"));
}

STORE_TEST(digest_names_all_images_that_have_it) {
        StoreFixture *f = *state;
        StoreRemovals removals = { 0 };
        char hex[DIGEST_HEX_MAX];
        Digest digest;

        (void) put_image(f, "a", "layer", 1000);
        digest = put_image(f, "b", "layer", 1000);
        (void) put_image(f, "c", "other", 1000);
        digest_format_hex(&digest, hex)[12] = '\0';
        assert_int_equal(store_remove(f->store, NULL, hex, &removals, NULL), 0);
        store_removals_done(&removals);
        assert_string_equal(names(f), "c ");
}

STORE_TEST(blob_is_removed_by_the_start_of_its_digest) {
        StoreFixture *f = *state;
        StoreRemovals removals = { 0 };
        Digest digest = digest_of("layer a");
        char text[DIGEST_STRING_MAX];

        (void) put_image(f, "a", "layer a", 1000);
        (void) put_image(f, "b", "layer b", 2000);
        digest_format(&digest, text)[strlen("sha256:") + 6] = '\0';
        assert_int_equal(store_remove(f->store, NULL, text, &removals, NULL), 0);
        assert_int_equal(removals.n, 2);
        assert_int_equal(removals.all[0].kind, STORE_REMOVAL_BLOB);
        assert_string_equal(removals.all[1].name, "a");
        store_removals_done(&removals);
        assert_string_equal(names(f), "b ");
        assert_true(has(f, "manifest of layer a"));
}

STORE_TEST(start_that_several_have_is_refused_with_their_names) {
        StoreFixture *f = *state;
        StoreRemovals removals = { 0 };
        Error error = ERROR_NULL;
        Digest digest = put_image(f, "a", "layer", 1000);
        char path[SCRATCH_PATH_MAX], hex[DIGEST_HEX_MAX];

        /* It differs in the last digit. */
        digest_format_hex(&digest, hex);
        hex[63] = hex[63] == '0' ? '1' : '0';
        (void) snprintf(path, sizeof(path), "store/blobs/sha256/%s", hex);
        scratch_write(&f->scratch, path, "x");
        hex[63] = '\0';
        assert_int_equal(store_remove(f->store, NULL, hex, &removals, &error), -EEXIST);
        assert_int_equal(error.kind, ERROR_INVALID_OPTION);
        assert_non_null(strstr(error_text(&error), "is ambiguous: it could be sha256:"));
        assert_non_null(strstr(error_text(&error), ", sha256:"));
        error_clear(&error);
        assert_string_equal(names(f), "a ");
}

STORE_TEST(name_that_is_a_digest_as_well_is_refused) {
        StoreFixture *f = *state;
        StoreRemovals removals = { 0 };
        Error error = ERROR_NULL;
        Digest digest = put_image(f, "other", "layer", 1000);
        char hex[DIGEST_HEX_MAX];

        digest_format_hex(&digest, hex)[4] = '\0';
        (void) put_image(f, hex, "layer 2", 1000);
        assert_int_equal(store_remove(f->store, hex, hex, &removals, &error), -EEXIST);
        assert_non_null(strstr(error_text(&error), "it could be "));
        error_clear(&error);
}

STORE_TEST(what_is_too_short_or_unknown_is_not_found) {
        StoreFixture *f = *state;
        StoreRemovals removals = { 0 };
        Digest digest = put_image(f, "a", "layer", 1000);
        char hex[DIGEST_HEX_MAX];
        Error error = ERROR_NULL;

        assert_int_equal(store_remove(f->store, "b", "b", &removals, &error), -ENOENT);
        assert_int_equal(error.kind, ERROR_NOT_FOUND);
        assert_string_equal(error_text(&error), "b is not in the cache");
        error_clear(&error);
        digest_format_hex(&digest, hex)[3] = '\0';
        assert_false(store_catalog_is_digest(hex));
        assert_int_equal(store_remove(f->store, NULL, hex, &removals, NULL), -ENOENT);
        assert_false(store_catalog_is_digest("sha123:0123"));
        assert_false(store_catalog_is_digest("sha256:012"));
        assert_false(store_catalog_is_digest("sha256:0123x"));
        assert_true(store_catalog_is_digest("sha512:0123"));
}

STORE_TEST(image_that_a_job_uses_stays) {
        StoreFixture *f = *state;
        const StorePruning all = { .before_usec = STORE_PRUNE_ANY };
        Digest digest = put_image(f, "a", "layer a", 1000);
        StoreRemovals removals = { 0 };
        StoreBlob blob = STORE_BLOB_NULL;
        Error error = ERROR_NULL;

        (void) put_image(f, "b", "layer b", 2000);
        assert_int_equal(store_blob_open(f->store, &digest, &blob, NULL), 1);
        assert_int_equal(store_remove(f->store, "a", "a", &removals, &error), -EBUSY);
        assert_int_equal(error.kind, ERROR_CACHE_BUSY);
        error_clear(&error);
        assert_string_equal(prune(f, &all), "image:b ");
        assert_string_equal(names(f), "a ");
        assert_true(has(f, "layer a") && has(f, BASE));
        close(blob.fd);
        assert_string_equal(prune(f, &all), "image:a ");
}

STORE_TEST(least_recently_used_image_is_pruned_first) {
        StoreFixture *f = *state;
        StorePruning pruning = { .before_usec = STORE_PRUNE_ANY };

        (void) put_image(f, "recent", "layer a", 2000);
        (void) put_image(f, "old", "layer b", 1000);
        pruning.keep_bytes = store_blob_bytes(f->store) - 1;
        assert_string_equal(prune(f, &pruning), "image:old ");
        assert_string_equal(names(f), "recent ");
        assert_true(has(f, BASE) && has(f, "layer a"));
}

STORE_TEST(only_what_is_older_is_pruned) {
        StoreFixture *f = *state;
        const StorePruning pruning = { .before_usec = UINT64_C(2000) * USEC_PER_SEC };
        Digest unnamed = store_put(f->store, "of no image");

        (void) put_image(f, "at", "layer a", 2000);
        (void) put_image(f, "before", "layer b", 1999);
        assert_string_equal(prune(f, &pruning), "image:before ");
        assert_string_equal(names(f), "at ");
        assert_true(scratch_exists(&f->scratch, blob_path(&unnamed)));
}

STORE_TEST(dry_run_changes_nothing_and_tells_the_same) {
        StoreFixture *f = *state;
        StorePruning pruning = { .before_usec = STORE_PRUNE_ANY, .is_dry = true };
        StoreRemovals would = { 0 }, did = { 0 };
        Digest part = digest_of("part");
        uint64_t before, prunable = 0;
        StoreDisk disk;

        (void) put_image(f, "a", "layer a", 1000);
        (void) put_image(f, "b", "layer b", 2000);
        (void) store_put(f->store, "of no image");
        store_put_partial(f->store, &part, "pa");
        assert_int_equal(store_disk_create(f->store, &disk, NULL), 0);
        assert_int_equal(fd_write_full(disk.fd, "disk", 4), 0);
        assert_int_equal(close(disk.fd), 0);

        before = store_blob_bytes(f->store) + store_disk_bytes(f->store);
        assert_int_equal(store_prune(f->store, &pruning, &would, NULL), 0);
        assert_int_equal(store_blob_bytes(f->store) + store_disk_bytes(f->store), before);
        assert_string_equal(names(f), "a b ");
        assert_int_equal(store_prunable(f->store, &prunable, NULL), 0);
        assert_int_equal(prunable, before);

        pruning.is_dry = false;
        assert_int_equal(store_prune(f->store, &pruning, &did, NULL), 0);
        assert_int_equal(would.n, 5);
        assert_int_equal(did.n, would.n);
        for (size_t i = 0; i < did.n; i++) {
                assert_string_equal(did.all[i].name, would.all[i].name);
                assert_int_equal(did.all[i].disk_bytes, would.all[i].disk_bytes);
        }
        assert_int_equal(did.disk_bytes, before);
        assert_int_equal(store_blob_bytes(f->store) + store_disk_bytes(f->store), 0);
        store_removals_done(&would);
        store_removals_done(&did);
}

STORE_TEST(image_with_a_blob_that_is_only_arriving_is_no_image) {
        StoreFixture *f = *state;
        Digest layer = digest_of("layer");
        int fd;

        (void) put_image(f, "a", "layer", 1000);
        store_blob_quarantine(f->store, &layer);
        assert_int_equal(store_partial_open(f->store, &layer, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_string_equal(names(f), "");
        close(fd);
}
