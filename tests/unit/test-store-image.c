/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <jansson.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>

#include "store-cache.h"
#include "store-image.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define WRITERS       2
#define WRITER_IMAGES 25
#define IMAGES_PATH   "store/virt-bootstrap/images"
#define UNSYNCED_PATH IMAGES_PATH ".unsynced"

static unsigned n_syncs;

/* In place of the C library's. */
int fsync(int fd) {
        n_syncs++;
        return (int) syscall(SYS_fsync, fd);
}

typedef struct Made {
        StoreImage image;
        Digest blobs[2];
} Made;

/* An image whose blobs are in the store. */
static Made make(StoreFixture *f, const char *reference, const char *content) {
        char text[64];
        Made made = { 0 };

        (void) snprintf(made.image.reference, sizeof(made.image.reference), "%s", reference);
        strcpy(made.image.top_media_type, "application/vnd.oci.image.index.v1+json");
        strcpy(made.image.manifest_media_type, MANIFEST_TYPE);
        strcpy(made.image.platform, "linux/arm64/v8");
        (void) snprintf(text, sizeof(text), "index of %s", content);
        made.image.top = store_put(f->store, text);
        (void) snprintf(text, sizeof(text), "manifest of %s", content);
        made.image.manifest = store_put(f->store, text);
        (void) snprintf(text, sizeof(text), "config of %s", content);
        made.blobs[0] = store_put(f->store, text);
        made.blobs[1] = store_put(f->store, content);
        return made;
}

static int add_with(StoreFixture *f, Made *made, bool no_sync, Error *error) {
        made->image.blobs = made->blobs;
        made->image.n_blobs = 2;
        return store_image_add(f->store, &made->image, no_sync, error);
}

static int add(StoreFixture *f, Made *made, Error *error) {
        return add_with(f, made, false, error);
}

static json_t *load_index(StoreFixture *f) {
        json_error_t error;
        json_t *index = json_load_file(
                scratch_at(&f->scratch, "store/index.json"), JSON_REJECT_DUPLICATES, &error);

        assert_non_null(index);
        assert_int_equal(json_integer_value(json_object_get(index, "schemaVersion")), 2);
        assert_true(json_is_array(json_object_get(index, "manifests")));
        return index;
}

static const char *reference_of(json_t *index, size_t i) {
        json_t *manifest = json_array_get(json_object_get(index, "manifests"), i);

        return json_string_value(json_object_get(
                json_object_get(manifest, "annotations"), "org.opencontainers.image.ref.name"));
}

static size_t count_images(StoreFixture *f) {
        json_t *index = load_index(f);
        size_t n = json_array_size(json_object_get(index, "manifests"));

        json_decref(index);
        return n;
}

STORE_TEST(image_is_found_as_it_was_added) {
        StoreFixture *f = *state;
        Made made = make(f, "example.org/a:1", "a");
        StoreImage found = { 0 };

        assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 0);
        assert_int_equal(add(f, &made, NULL), 0);
        assert_int_equal(store_image_find(f->store, "example.org/a:2", &found, NULL), 0);
        assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 1);
        assert_string_equal(found.reference, made.image.reference);
        assert_string_equal(found.top_media_type, made.image.top_media_type);
        assert_string_equal(found.manifest_media_type, MANIFEST_TYPE);
        assert_string_equal(found.platform, "linux/arm64/v8");
        assert_true(digest_equal(&found.top, &made.image.top));
        assert_true(digest_equal(&found.manifest, &made.image.manifest));
        assert_int_equal(found.n_blobs, 2);
        assert_memory_equal(found.blobs, made.blobs, sizeof(made.blobs));
        store_image_done(&found);
}

STORE_TEST(index_names_the_image) {
        StoreFixture *f = *state;
        Made made = make(f, "example.org/a:1", "a");
        const char *media_type, *digest, *architecture, *os, *variant;
        char text[DIGEST_STRING_MAX];
        json_int_t size;
        json_t *index;

        assert_int_equal(count_images(f), 0);
        assert_int_equal(add(f, &made, NULL), 0);
        index = load_index(f);
        assert_int_equal(
                json_unpack(
                        index, "{s:[{s:s, s:s, s:I, s:{s:s, s:s, s:s}}]}", "manifests", "mediaType",
                        &media_type, "digest", &digest, "size", &size, "platform", "architecture",
                        &architecture, "os", &os, "variant", &variant),
                0);
        assert_string_equal(media_type, MANIFEST_TYPE);
        assert_string_equal(digest, digest_format(&made.image.manifest, text));
        assert_int_equal(size, strlen("manifest of a"));
        assert_string_equal(architecture, "arm64");
        assert_string_equal(os, "linux");
        assert_string_equal(variant, "v8");
        assert_string_equal(reference_of(index, 0), "example.org/a:1");
        json_decref(index);
}

STORE_TEST(each_reference_is_listed_once) {
        StoreFixture *f = *state;
        Made a = make(f, "example.org/a:1", "a"), b = make(f, "example.org/b:1", "b"),
             newer = make(f, "example.org/a:1", "newer a");
        StoreImage found = { 0 };
        json_t *index;

        strcpy(b.image.platform, "linux/amd64");
        assert_int_equal(add(f, &a, NULL), 0);
        assert_int_equal(add(f, &b, NULL), 0);
        assert_int_equal(add(f, &newer, NULL), 0);
        index = load_index(f);
        assert_int_equal(json_array_size(json_object_get(index, "manifests")), 2);
        assert_string_equal(reference_of(index, 0), "example.org/b:1");
        assert_string_equal(reference_of(index, 1), "example.org/a:1");
        json_decref(index);

        assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 1);
        assert_true(digest_equal(&found.manifest, &newer.image.manifest));
        store_image_done(&found);
}

STORE_TEST(removing_a_blob_drops_its_image) {
        StoreFixture *f = *state;
        Made a = make(f, "example.org/a:1", "a"), b = make(f, "example.org/b:1", "b");
        const Digest *needed[] = { &a.blobs[1], &a.blobs[0], &a.image.manifest, &a.image.top };

        for (size_t i = 0; i < 4; i++) {
                a = make(f, "example.org/a:1", "a");
                assert_int_equal(add(f, &a, NULL), 0);
                assert_int_equal(add(f, &b, NULL), 0);
                assert_int_equal(count_images(f), 2);
                assert_int_equal(store_remove_digest(f->store, needed[i], NULL), 0);

                json_t *index = load_index(f);

                assert_int_equal(json_array_size(json_object_get(index, "manifests")), 1);
                assert_string_equal(reference_of(index, 0), "example.org/b:1");
                json_decref(index);
        }
}

STORE_TEST(pruning_everything_empties_the_index) {
        StoreFixture *f = *state;
        Made a = make(f, "example.org/a:1", "a");
        StoreImage found = { 0 };

        assert_int_equal(add(f, &a, NULL), 0);
        assert_true(store_prune_to(f->store, 0) > 0);
        assert_int_equal(count_images(f), 0);
        assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 0);
}

STORE_TEST(text_that_cannot_stand_in_the_list_is_refused) {
        static const char *const bad[] = {
                "", "a\"b", "a b", "a\\b", "a\nb", "a\tb", "a\x7f", "caf\xc3\xa9", "a\x1b[2J",
        };
        StoreFixture *f = *state;
        Made good = make(f, "example.org/a:1", "a");

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                char *fields[] = { NULL, NULL, NULL, NULL };
                Made made = good;
                Error error = ERROR_NULL;

                fields[0] = made.image.reference;
                fields[1] = made.image.top_media_type;
                fields[2] = made.image.manifest_media_type;
                fields[3] = made.image.platform;
                strcpy(fields[i % 4], bad[i]);
                assert_int_equal(add(f, &made, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_INVALID_REFERENCE);
                error_clear(&error);

                made = good;
                strcpy(made.image.reference, bad[i]);
                assert_int_equal(add(f, &made, NULL), -EINVAL);
        }
        assert_int_equal(count_images(f), 0);
}

STORE_TEST(longest_texts_are_read_back) {
        StoreFixture *f = *state;
        Made made = make(f, "x", "a");
        StoreImage found = { 0 };

        memset(made.image.reference, 'r', sizeof(made.image.reference) - 1);
        memset(made.image.top_media_type, 't', sizeof(made.image.top_media_type) - 1);
        memset(made.image.manifest_media_type, 'm', sizeof(made.image.manifest_media_type) - 1);
        memset(made.image.platform, 'p', sizeof(made.image.platform) - 1);
        assert_int_equal(add(f, &made, NULL), 0);
        assert_int_equal(store_image_find(f->store, made.image.reference, &found, NULL), 1);
        assert_string_equal(found.top_media_type, made.image.top_media_type);
        assert_string_equal(found.manifest_media_type, made.image.manifest_media_type);
        assert_string_equal(found.platform, made.image.platform);
        store_image_done(&found);
        assert_int_equal(count_images(f), 1);
}

/* One bad line of an image costs that image, and no other. */
STORE_TEST(damaged_line_costs_its_own_image_only) {
        static const char *const damaged[] = {
                "garbage\n",
                "image \nblob sha256:00\n",
                "image example.org/x:1\ntop sha256:xyz type\nmanifest a b c\n",
                "image example.org/x:1\ndocument sha256:00\n",
        };
        StoreFixture *f = *state;
        Made a = make(f, "example.org/a:1", "a"), b = make(f, "example.org/b:1", "b");
        Made c = make(f, "example.org/c:1", "c");
        const Log log = { .level = LOG_WARNING };

        store_set_log(f->store, &log);
        for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
                StoreImage found = { 0 };
                char *content, list[2048], text[4096];
                int cut;

                assert_int_equal(add(f, &a, NULL), 0);
                assert_int_equal(add(f, &b, NULL), 0);
                content = scratch_read(&f->scratch, IMAGES_PATH);
                (void) snprintf(list, sizeof(list), "%s", content);
                free(content);
                cut = (int) (strstr(list, "image example.org/b:1") - list);
                /* Before all images, where it belongs to none, or between them. */
                (void) snprintf(
                        text, sizeof(text), "%s%.*s%s%s", i == 0 ? damaged[i] : "", cut, list,
                        i == 0 ? "" : damaged[i], list + cut);
                scratch_write(&f->scratch, IMAGES_PATH, text);

                assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 1);
                assert_int_equal(found.n_blobs, 2);
                store_image_done(&found);
                assert_int_equal(store_image_find(f->store, "example.org/b:1", &found, NULL), 1);
                assert_int_equal(found.n_blobs, 2);
                store_image_done(&found);
                assert_int_equal(store_image_find(f->store, "example.org/x:1", &found, NULL), 0);
                assert_int_equal(add(f, &c, NULL), 0);
                assert_int_equal(count_images(f), 3);
        }
}

STORE_TEST(documents_are_told_from_other_blobs) {
        StoreFixture *f = *state;
        Made made = make(f, "example.org/a:1", "a");
        StoreImage found = { 0 };

        made.image.documents[0] = made.image.top;
        made.image.documents[1] = made.image.manifest;
        made.image.n_documents = 2;
        assert_int_equal(add(f, &made, NULL), 0);
        assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 1);
        assert_int_equal(found.n_documents, 2);
        assert_true(digest_equal(&found.documents[0], &made.image.top));
        assert_true(digest_equal(&found.documents[1], &made.image.manifest));
        assert_int_equal(found.n_blobs, 2);
        store_image_done(&found);
}

STORE_TEST(damaged_list_is_as_good_as_none) {
        static const char *const damaged[] = {
                "garbage\n",
                "image\n",
                "blob sha256:00\n",
                "image example.org/a:1\ntop sha256:xyz type\n",
                "image example.org/a:1\nmanifest\n",
                "image example.org/a:1\n\xff\xfe\n",
                "top sha256:0000000000000000000000000000000000000000000000000000000000000000 x\n",
        };
        StoreFixture *f = *state;
        Made made = make(f, "example.org/b:1", "b");

        for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
                StoreImage found = { 0 };

                scratch_write(&f->scratch, IMAGES_PATH, damaged[i]);
                assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 0);
                assert_int_equal(add(f, &made, NULL), 0);
                assert_int_equal(count_images(f), 1);
        }
}

/* What was cut off is not taken for an image without a manifest. */
STORE_TEST(image_that_is_cut_off_is_not_found) {
        StoreFixture *f = *state;
        StoreImage found = { 0 };

        scratch_write(&f->scratch, IMAGES_PATH, "image example.org/a:1\n");
        assert_int_equal(store_image_refresh(f->store, NULL), 0);
        assert_int_equal(store_image_find(f->store, "example.org/a:1", &found, NULL), 0);
        store_image_done(&found);
        assert_int_equal(count_images(f), 0);
}

/* Another daemon, with images that have the same content. */
static int add_many(StoreFixture *f, Made *made, int writer) {
        Store *store = NULL;
        int r;

        r = store_open(scratch_at(&f->scratch, "store"), &store, NULL);
        for (int i = 0; r >= 0 && i < WRITER_IMAGES; i++) {
                (void) snprintf(
                        made->image.reference, sizeof(made->image.reference), "r.test/%d:%d",
                        writer, i);
                r = store_image_add(store, &made->image, false, NULL);
        }
        store_free(store);
        return r;
}

STORE_TEST(images_that_daemons_add_at_once_are_all_found) {
        StoreFixture *f = *state;
        Made made = make(f, "r.test/first:1", "layer");
        pid_t writers[WRITERS];
        json_t *index;

        assert_int_equal(add(f, &made, NULL), 0);
        for (int i = 0; i < WRITERS; i++) {
                writers[i] = fork();
                assert_true(writers[i] >= 0);
                if (writers[i] == 0)
                        _exit(add_many(f, &made, i) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        }
        for (int i = 0; i < WRITERS; i++) {
                int status;

                assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
                assert_int_equal(status, 0);
        }

        index = load_index(f);
        assert_int_equal(
                json_array_size(json_object_get(index, "manifests")), 1 + WRITERS * WRITER_IMAGES);
        json_decref(index);
}

STORE_TEST(refresh_makes_the_index_again) {
        StoreFixture *f = *state;
        Made made = make(f, "example.org/a:1", "a");

        assert_int_equal(add(f, &made, NULL), 0);
        scratch_write(&f->scratch, "store/index.json", "garbage");
        assert_int_equal(store_image_refresh(f->store, NULL), 0);
        assert_int_equal(count_images(f), 1);
}

static bool is_known(StoreFixture *f, const char *reference) {
        StoreImage found = { 0 };
        int r = store_image_find(f->store, reference, &found, NULL);

        assert_true(r >= 0);
        store_image_done(&found);
        return r > 0;
}

STORE_TEST(image_that_is_not_synced_is_known_without_risk_to_others) {
        StoreFixture *f = *state;
        Made a, b;

        store_open_again(f, BOOT_A);
        a = make(f, "example.org/a:1", "a");
        b = make(f, "example.org/b:1", "b");
        assert_int_equal(add(f, &a, NULL), 0);
        n_syncs = 0;
        assert_int_equal(add_with(f, &b, true, NULL), 0);
        assert_int_equal(n_syncs, 0);
        assert_true(is_known(f, "example.org/a:1") && is_known(f, "example.org/b:1"));
        assert_int_equal(count_images(f), 2);

        /* As a power failure may leave it. */
        for (size_t i = 0; i < 100; i++) {
                char *list = scratch_read(&f->scratch, UNSYNCED_PATH);

                list[strlen(list) - 1] = '\0';
                scratch_write(&f->scratch, UNSYNCED_PATH, list);
                free(list);
                assert_true(is_known(f, "example.org/a:1"));
                assert_false(is_known(f, "example.org/b:1"));
        }
        scratch_write(&f->scratch, UNSYNCED_PATH, "");
        assert_true(is_known(f, "example.org/a:1"));
}

STORE_TEST(image_that_was_not_synced_is_synced_with_the_next_that_is) {
        StoreFixture *f = *state;
        Made a = make(f, "example.org/a:1", "a"), b = make(f, "example.org/b:1", "b");

        assert_int_equal(add_with(f, &a, true, NULL), 0);
        assert_true(scratch_exists(&f->scratch, UNSYNCED_PATH));
        assert_int_equal(add(f, &b, NULL), 0);
        assert_false(scratch_exists(&f->scratch, UNSYNCED_PATH));
        assert_true(is_known(f, "example.org/a:1") && is_known(f, "example.org/b:1"));
}

/* index.json may be damaged, and nobody else writes it anew. */
STORE_TEST(lists_that_were_not_synced_are_written_anew_in_the_next_boot) {
        StoreFixture *f = *state;
        Made made;

        store_open_again(f, BOOT_A);
        made = make(f, "example.org/a:1", "a");
        assert_int_equal(add_with(f, &made, true, NULL), 0);
        n_syncs = 0;
        store_open_again(f, BOOT_A);
        assert_int_equal(n_syncs, 0);

        scratch_write(&f->scratch, "store/index.json", "");
        store_open_again(f, BOOT_B);
        assert_int_not_equal(n_syncs, 0);
        assert_int_equal(count_images(f), 1);
        assert_false(scratch_exists(&f->scratch, UNSYNCED_PATH));
        assert_true(is_known(f, "example.org/a:1"));
}
