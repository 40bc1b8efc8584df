/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-source.h"

#define LAYER "the layer"

typedef struct Fixture {
        Scratch scratch;
        int fd; /* of the directory */
        Source *source;
        Error error;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        scratch_write(&f->scratch, "version", "Directory Transport Version: 1.1\n");
        f->fd = open(f->scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        source_free(f->source);
        error_clear(&f->error);
        close(f->fd);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void open_dir(Fixture *f) {
        if (open_source("dir:x", f->fd, -EBADF, &f->source, &f->error) < 0)
                fail_msg("%s", error_text(&f->error));
}

#define DIR_TEST(name) TEST_WITH(name, setup, teardown)

DIR_TEST(directory_gives_manifest_and_blobs) {
        Fixture *f = *state;
        _cleanup_(freep) char *config = config_of(LAYER);
        _cleanup_(freep) char *manifest = manifest_of(config, LAYER);

        scratch_write(&f->scratch, "manifest.json", manifest);
        scratch_write(&f->scratch, hex_name("", config), config);
        scratch_write(&f->scratch, hex_name("", LAYER), LAYER);
        open_dir(f);
        assert_top(f->source, manifest, NULL);
        assert_blob(f->source, config);
        assert_blob(f->source, LAYER);
}

DIR_TEST(index_leads_to_manifests) {
        Fixture *f = *state;
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        const Digest digest = digest_of_bytes("one", 3), other = digest_of_bytes("two", 3);
        char name[256];
        int r;

        scratch_write(&f->scratch, "manifest.json", "the index");
        (void) snprintf(name, sizeof(name), "%s.manifest.json", hex_name("", "one"));
        scratch_write(&f->scratch, name, "one");
        open_dir(f);
        assert_top(f->source, "the index", NULL);
        assert_int_equal(source_get_manifest(f->source, &digest, &document, &f->error), 0);
        assert_string_equal(document.data, "one");
        assert_null(document.content_type);

        source_document_done(&document);
        r = source_get_manifest(f->source, &other, &document, &f->error);
        assert_failure(r, &f->error, ERROR_NOT_FOUND, sha_of("two"));
}

DIR_TEST(sha512_blobs_have_the_algorithm_in_their_names) {
        Fixture *f = *state;
        _cleanup_(bytes_done) Bytes bytes = { 0 };
        char text[DIGEST_STRING_MAX], name[DIGEST_STRING_MAX];
        Digest digest;

        assert_int_equal(hash_buffer(DIGEST_SHA512, LAYER, strlen(LAYER), &digest, NULL), 0);
        digest_format(&digest, text);
        strcpy(name, text);
        *strchr(name, ':') = '-';
        scratch_write(&f->scratch, "manifest.json", "{}");
        scratch_write(&f->scratch, name, LAYER);
        open_dir(f);
        assert_int_equal(get_blob(f->source, text, strlen(LAYER), &bytes, &f->error), 0);
        assert_int_equal(bytes.size, strlen(LAYER));
}

DIR_TEST(blob_that_is_missing_is_named) {
        Fixture *f = *state;
        _cleanup_(bytes_done) Bytes bytes = { 0 };
        int r;

        scratch_write(&f->scratch, "manifest.json", "{}");
        open_dir(f);
        r = get_blob(f->source, sha_of("x"), 1, &bytes, &f->error);
        assert_failure(r, &f->error, ERROR_NOT_FOUND, sha_of("x"));
}

DIR_TEST(directory_without_a_manifest_is_refused) {
        Fixture *f = *state;
        int r;

        r = open_source("dir:x", f->fd, -EBADF, &f->source, &f->error);
        assert_failure(r, &f->error, ERROR_NOT_FOUND, "no manifest.json");
}
