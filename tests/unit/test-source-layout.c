/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci-index.h"
#include "test-source.h"

#define LAYER "the layer"

/* An image with one layer. */
typedef struct Image {
        char *config, *manifest, *index; /* owned */
} Image;

static void image_init(Image *image) {
        image->config = config_of(LAYER);
        image->manifest = manifest_of(image->config, LAYER);
        image->index = index_of(image->manifest, "");
}

static void image_done(Image *image) {
        free(image->config);
        free(image->manifest);
        free(image->index);
}

static void write_layout(const Scratch *scratch, const Image *image) {
        scratch_mkdir(scratch, "blobs");
        scratch_mkdir(scratch, "blobs/sha256");
        scratch_write(scratch, "index.json", image->index);
        scratch_write(scratch, hex_name("blobs/sha256/", image->manifest), image->manifest);
        scratch_write(scratch, hex_name("blobs/sha256/", image->config), image->config);
        scratch_write(scratch, hex_name("blobs/sha256/", LAYER), LAYER);
}

static void add_layout(Bytes *tar, const Image *image) {
        tar_file(tar, "oci-layout", "{}");
        tar_dir(tar, "blobs/");
        tar_dir(tar, "blobs/sha256/");
        tar_file(tar, hex_name("blobs/sha256/", image->manifest), image->manifest);
        tar_file(tar, hex_name("blobs/sha256/", image->config), image->config);
        tar_file(tar, hex_name("blobs/sha256/", LAYER), LAYER);
        tar_file(tar, "index.json", image->index);
}

typedef struct Fixture {
        Scratch scratch;
        Image image;
        int fd; /* of the directory */
        Source *source;
        Error error;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        image_init(&f->image);
        write_layout(&f->scratch, &f->image);
        f->fd = open(f->scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        source_free(f->source);
        error_clear(&f->error);
        image_done(&f->image);
        close(f->fd);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void open_layout(Fixture *f) {
        if (open_source("oci:x", f->fd, -EBADF, &f->source, &f->error) < 0)
                fail_msg("%s", error_text(&f->error));
}

static void replace(Fixture *f, const char *name, const char *content) {
        assert_int_equal(unlink(scratch_at(&f->scratch, name)), 0);
        if (content)
                scratch_write(&f->scratch, name, content);
}

static void assert_blob_failure(
        Fixture *f, const char *text, uint64_t size, ErrorKind kind, const char *part) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(bytes_done) Bytes bytes = { 0 };
        int r;

        r = get_blob(f->source, sha_of(text), size, &bytes, &error);
        assert_failure(r, &error, kind, part);
        assert_int_equal(bytes.size, 0);
}

#define LAYOUT_TEST(name) TEST_WITH(name, setup, teardown)

LAYOUT_TEST(directory_gives_manifest_and_blobs) {
        Fixture *f = *state;

        open_layout(f);
        assert_top(f->source, f->image.manifest, OCI_MANIFEST);
        assert_blob(f->source, f->image.config);
        assert_blob(f->source, LAYER);
        assert_top(f->source, f->image.manifest, OCI_MANIFEST);
}

LAYOUT_TEST(archive_gives_the_same) {
        Fixture *f = *state;
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(bytes_done) Bytes tar = { 0 };

        add_layout(&tar, &f->image);
        if (open_archive("oci-archive:x", &tar, &fd, &f->source, &f->error) < 0)
                fail_msg("%s", error_text(&f->error));
        assert_top(f->source, f->image.manifest, OCI_MANIFEST);
        assert_blob(f->source, f->image.config);
        assert_blob(f->source, LAYER);
}

LAYOUT_TEST(blob_is_given_from_an_offset_on) {
        Fixture *f = *state;
        const Digest digest = digest_of_bytes(LAYER, strlen(LAYER));

        open_layout(f);
        for (uint64_t offset = 0; offset <= strlen(LAYER) + 1; offset++) {
                _cleanup_(bytes_done) Bytes bytes = { 0 };
                const SourceBlobRequest request = {
                        .digest = &digest,
                        .offset = offset,
                        .size = SOURCE_SIZE_UNKNOWN,
                        .write = on_blob,
                        .userdata = &bytes,
                };
                int r;

                r = source_get_blob(f->source, &request, NULL);
                if (offset > strlen(LAYER)) {
                        assert_int_equal(r, -ERANGE);
                        continue;
                }

                assert_int_equal(r, 0);
                assert_int_equal(bytes.size, strlen(LAYER) - offset);
                if (bytes.size > 0)
                        assert_memory_equal(bytes.data, &LAYER[offset], bytes.size);
        }
}

static int fail_to_write(void *userdata, const void *data, size_t size, Error *error) {
        return error_set(error, EPIPE, ERROR_CANCELLED, "Enough");
}

LAYOUT_TEST(failure_of_the_writer_is_handed_on) {
        Fixture *f = *state;
        const Digest digest = digest_of_bytes(LAYER, strlen(LAYER));
        const SourceBlobRequest request = {
                .digest = &digest,
                .size = strlen(LAYER),
                .write = fail_to_write,
        };
        int r;

        open_layout(f);
        r = source_get_blob(f->source, &request, &f->error);
        assert_failure(r, &f->error, ERROR_CANCELLED, "Enough");
}

LAYOUT_TEST(blob_that_is_missing_is_named) {
        Fixture *f = *state;
        SourceDocument document;
        Digest digest;
        int r;

        replace(f, hex_name("blobs/sha256/", LAYER), NULL);
        open_layout(f);
        assert_blob_failure(f, LAYER, 9, ERROR_NOT_FOUND, sha_of(LAYER));

        digest = digest_of_bytes("x", 1);
        r = source_get_manifest(f->source, &digest, &document, &f->error);
        assert_failure(r, &f->error, ERROR_NOT_FOUND, sha_of("x"));
}

LAYOUT_TEST(blob_of_another_size_is_refused) {
        Fixture *f = *state;

        open_layout(f);
        assert_blob_failure(f, LAYER, 8, ERROR_DIGEST_MISMATCH, "has 9 bytes instead of 8");
        assert_blob_failure(f, LAYER, 10, ERROR_DIGEST_MISMATCH, "has 9 bytes instead of 10");
}

LAYOUT_TEST(manifest_with_another_digest_is_refused) {
        Fixture *f = *state;
        SourceDocument document;
        int r;

        replace(f, hex_name("blobs/sha256/", f->image.manifest), "{}");
        open_layout(f);
        r = source_get_top(f->source, &document, &f->error);
        assert_failure(r, &f->error, ERROR_DIGEST_MISMATCH, sha_of(f->image.manifest));
}

LAYOUT_TEST(document_over_the_ceiling_is_refused) {
        Fixture *f = *state;
        const char *const path = scratch_at(&f->scratch, "index.json");
        int r;

        assert_int_equal(truncate(path, (4 << 20) + 1), 0);
        r = open_source("oci:x", f->fd, -EBADF, &f->source, &f->error);
        assert_failure(r, &f->error, ERROR_LIMIT_EXCEEDED, "\"index.json\" has 4194305");
}

LAYOUT_TEST(links_inside_the_directory_are_followed) {
        Fixture *f = *state;

        scratch_write(&f->scratch, "elsewhere", LAYER);
        replace(f, hex_name("blobs/sha256/", LAYER), NULL);
        assert_int_equal(
                symlink("../../elsewhere",
                        scratch_at(&f->scratch, hex_name("blobs/sha256/", LAYER))),
                0);
        open_layout(f);
        assert_blob(f->source, LAYER);
}

LAYOUT_TEST(links_out_of_the_directory_are_refused) {
        static const char *const links[] = { "/etc/passwd", "../../../etc/passwd",
                                             "../../../../../../etc/passwd" };
        Fixture *f = *state;

        open_layout(f);
        for (size_t i = 0; i < N_ELEMENTS(links); i++) {
                const char *path = scratch_at(&f->scratch, hex_name("blobs/sha256/", LAYER));

                assert_int_equal(unlink(path), 0);
                assert_int_equal(symlink(links[i], path), 0);
                assert_blob_failure(f, LAYER, 9, ERROR_UNSAFE_ARCHIVE, "points outside it");
        }
}

LAYOUT_TEST(link_to_itself_is_refused) {
        Fixture *f = *state;

        replace(f, hex_name("blobs/sha256/", LAYER), NULL);
        assert_int_equal(
                symlink(hex_name("", LAYER),
                        scratch_at(&f->scratch, hex_name("blobs/sha256/", LAYER))),
                0);
        open_layout(f);
        assert_blob_failure(f, LAYER, 9, ERROR_UNSAFE_ARCHIVE, "chain of too many links");
}

LAYOUT_TEST(what_is_no_regular_file_is_refused) {
        static const mode_t types[] = { S_IFIFO, S_IFCHR, S_IFSOCK, S_IFDIR };
        Fixture *f = *state;

        open_layout(f);
        for (size_t i = 0; i < N_ELEMENTS(types); i++) {
                const char *path = scratch_at(&f->scratch, hex_name("blobs/sha256/", LAYER));

                assert_int_equal(remove(path), 0);
                if (types[i] == S_IFDIR)
                        assert_int_equal(mkdir(path, 0755), 0);
                else if (mknod(path, types[i] | 0644, types[i] == S_IFCHR ? 0x103 : 0) < 0) {
                        assert_int_equal(errno, EPERM);
                        scratch_write(&f->scratch, hex_name("blobs/sha256/", LAYER), "");
                        continue;
                }
                assert_blob_failure(f, LAYER, 9, ERROR_UNSAFE_ARCHIVE, "not a regular file");
        }
}

LAYOUT_TEST(layout_without_an_index_is_none) {
        Fixture *f = *state;
        int r;

        replace(f, "index.json", NULL);
        r = open_source("oci:x", f->fd, -EBADF, &f->source, &f->error);
        assert_failure(r, &f->error, ERROR_NOT_FOUND, "not an OCI image layout");
}

LAYOUT_TEST(index_that_is_none_is_refused) {
        static const char *const cases[] = { "", "[]", "{\"manifests\":1}", "{\"Manifests\":[]}" };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                int r;

                replace(f, "index.json", cases[i]);
                r = open_source("oci:x", f->fd, -EBADF, &f->source, &error);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "image index");
        }
}

LAYOUT_TEST(image_is_selected) {
        Fixture *f = *state;
        _cleanup_(freep) char *index = index_of(
                f->image.manifest, ",'annotations':{'org.opencontainers.image.ref.name':'one'}");
        int r;

        replace(f, "index.json", index);
        r = open_source("oci:x:two", f->fd, -EBADF, &f->source, &f->error);
        assert_failure(r, &f->error, ERROR_INVALID_REFERENCE, "'one'");
        error_clear(&f->error);
        assert_int_equal(open_source("oci:x:one", f->fd, -EBADF, &f->source, &f->error), 0);
        assert_top(f->source, f->image.manifest, OCI_MANIFEST);
}

LAYOUT_TEST(index_for_several_platforms_is_the_image) {
        Fixture *f = *state;
        _cleanup_(freep) char *index = json_format(
                "{'schemaVersion':2,'manifests':["
                "{'mediaType':'" OCI_MANIFEST
                "','digest':'%s','size':%zu,"
                "'platform':{'os':'linux','architecture':'amd64'}},"
                "{'mediaType':'" OCI_MANIFEST "','digest':'" SHA_A
                "','size':1,"
                "'platform':{'os':'linux','architecture':'arm64'}}]}",
                sha_of(f->image.manifest), strlen(f->image.manifest));
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        const Digest digest = digest_of_bytes(f->image.manifest, strlen(f->image.manifest));

        replace(f, "index.json", index);
        open_layout(f);
        assert_top(f->source, index, OCI_INDEX);
        assert_int_equal(source_get_manifest(f->source, &digest, &document, &f->error), 0);
        assert_string_equal(document.data, f->image.manifest);
}

LAYOUT_TEST(image_of_several_platforms_has_a_name_beside_others) {
#define OF(name, architecture)                                                                     \
        "'annotations':{'org.opencontainers.image.ref.name':'" name                                \
        "'},'platform':{'os':'linux','architecture':'" architecture "'}"
        Fixture *f = *state;
        _cleanup_(freep) char *index = json_format(
                "{'manifests':[{'mediaType':'" OCI_MANIFEST "','digest':'%s','size':%zu," OF(
                        "a", "amd64") "},{'digest':'" SHA_A
                                      "','size':1," OF("a", "arm64") "},{'mediaType':'" OCI_MANIFEST
                                                                     "','digest':'" SHA_B
                                                                     "','size':1," OF(
                                                                             "b", "amd64") "}]}",
                sha_of(f->image.manifest), strlen(f->image.manifest));
        _cleanup_(source_document_done) SourceDocument top = { 0 };
        _cleanup_(oci_index_done) OciIndex found = { 0 };
        char text[PLATFORM_STRING_MAX];

        replace(f, "index.json", index);
        assert_int_equal(open_source("oci:x:a", f->fd, -EBADF, &f->source, &f->error), 0);
        assert_string_equal(f->source->name, "a");
        assert_int_equal(source_get_top(f->source, &top, &f->error), 0);
        assert_string_equal(top.content_type, OCI_INDEX);
        assert_int_equal(oci_index_parse(top.data, top.size, &found, &f->error), 0);
        assert_int_equal(found.n_entries, 2);
        assert_int_equal(found.entries[0].descriptor.size, strlen(f->image.manifest));
        assert_int_equal(found.entries[0].descriptor.media_type, MEDIA_TYPE_OCI_MANIFEST);
        assert_int_equal(found.entries[1].descriptor.media_type, MEDIA_TYPE_UNKNOWN);
        assert_true(found.entries[1].is_candidate);
        assert_string_equal(
                reference_platform_format(&found.entries[1].platform, text), "linux/arm64");
#undef OF
}

LAYOUT_TEST(entry_without_a_type_is_told_by_its_content) {
        Fixture *f = *state;
        _cleanup_(freep) char *index = json_format(
                "{'manifests':[{'digest':'%s','size':%zu}]}", sha_of(f->image.manifest),
                strlen(f->image.manifest));

        replace(f, "index.json", index);
        open_layout(f);
        assert_top(f->source, f->image.manifest, NULL);
}

LAYOUT_TEST(wrong_kind_of_file_is_refused) {
        Fixture *f = *state;
        _cleanup_(closep) int fd =
                open(scratch_at(&f->scratch, "index.json"), O_RDONLY | O_CLOEXEC);
        int r;

        r = open_source("oci:x", fd, -EBADF, &f->source, &f->error);
        assert_failure(r, &f->error, ERROR_UNSUPPORTED_IMAGE, "not a directory");
        error_clear(&f->error);
        r = open_source("oci-archive:x", f->fd, -EBADF, &f->source, &f->error);
        assert_failure(r, &f->error, ERROR_UNSUPPORTED_IMAGE, "a directory");
}
