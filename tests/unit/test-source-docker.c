/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci-manifest.h"
#include "test-source.h"

#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define GZIP        "\x1f\x8b\x08 not really"
#define ZSTD        "\x28\xb5\x2f\xfd not really"
#define XZ                                                                                         \
        "\xfd"                                                                                     \
        "7zXZ not really"

typedef struct Fixture {
        Bytes tar;
        int fd;
        Source *source;
        Error error;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        f->fd = -EBADF;
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        source_free(f->source);
        error_clear(&f->error);
        bytes_done(&f->tar);
        closep(&f->fd);
        free(f);
        return 0;
}

/* An image.json with these diff ids; manifest.json with that and these members. */
static void add_image(Fixture *f, const char *diff_ids, const char *layers) {
        _cleanup_(freep) char *config =
                json_format("{'rootfs':{'type':'layers','diff_ids':[%s]}}", diff_ids);
        _cleanup_(freep) char *manifest =
                json_format("[{'Config':'image.json','RepoTags':['x:1'],'Layers':[%s]}]", layers);

        tar_file(&f->tar, "image.json", config);
        tar_file(&f->tar, "manifest.json", manifest);
}

static int open_docker(Fixture *f, const char *text) {
        return open_archive(text, &f->tar, &f->fd, &f->source, &f->error);
}

static void must_open(Fixture *f) {
        if (open_docker(f, "docker-archive:x") < 0)
                fail_msg("%s", error_text(&f->error));
}

static void assert_refused(Fixture *f, ErrorKind kind, const char *part) {
        assert_failure(open_docker(f, "docker-archive:x"), &f->error, kind, part);
        assert_null(f->source);
}

/* A layer that is a tar archive, as text: the tar builder's content is one. */
static char *layer_text(char fill) {
        char *text = calloc(1, 2 * TAR_BLOCK + 1);

        assert_non_null(text);
        memset(text, fill, 2 * TAR_BLOCK);
        memcpy(text + 257, "ustar", 5);
        return text;
}

static void get_image(Fixture *f, OciManifest *ret) {
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        Error *error = &f->error;

        if (source_get_top(f->source, &document, error) < 0 ||
            oci_manifest_parse(document.data, document.size, MEDIA_TYPE_OCI_MANIFEST, ret, error) <
                    0)
                fail_msg("%s", error_text(error));
        assert_string_equal(document.content_type, OCI_MANIFEST);
}

static void assert_layer(const OciDescriptor *layer, const char *content, const char *type) {
        char digest[DIGEST_STRING_MAX];

        assert_string_equal(digest_format(&layer->digest, digest), sha_of(content));
        assert_int_equal(layer->size, strlen(content));
        assert_string_equal(layer->media_type_text, type);
}

#define ARCHIVE_TEST(name) TEST_WITH(name, setup, teardown)

ARCHIVE_TEST(manifest_is_made_of_config_and_layers) {
        Fixture *f = *state;
        _cleanup_(freep) char *a = layer_text('a'), *b = layer_text('b');
        _cleanup_(freep) char *ids = json_format("'%s','%s'", sha_of(a), sha_of(b));
        _cleanup_(oci_manifest_done) OciManifest image = { 0 };

        tar_file(&f->tar, "a.tar", a);
        tar_file(&f->tar, "1234/layer.tar", b);
        add_image(f, ids, "'a.tar','1234/layer.tar'");
        must_open(f);
        get_image(f, &image);
        assert_int_equal(image.n_layers, 2);
        assert_layer(&image.layers[0], a, OCI_LAYER);
        assert_layer(&image.layers[1], b, OCI_LAYER);
        assert_string_equal(image.config.media_type_text, CONFIG_TYPE);
        assert_blob(f->source, a);
        assert_blob(f->source, b);
}

static void on_read(void *userdata, uint64_t size) {
        uint64_t *n_read = userdata;

        *n_read += size;
}

ARCHIVE_TEST(what_is_read_for_a_digest_is_told) {
        Fixture *f = *state;
        _cleanup_(freep) char *a = layer_text('a');
        _cleanup_(freep) char *ids = json_format("'%s','%s'", sha_of(a), sha_of("x"));
        uint64_t n_read = 0;
        SourceInput input = {
                .scratch_fd = -EBADF,
                .limits = &LIMITS_DEFAULT,
                .on_read = on_read,
                .userdata = &n_read,
        };
        ReferenceSource reference;

        tar_file(&f->tar, "a.tar", a);
        tar_file(&f->tar, "b.tar", GZIP);
        add_image(f, ids, "'a.tar','b.tar'");
        tar_end(&f->tar);
        input.fd = f->fd = file_of(&f->tar);
        assert_int_equal(reference_source_parse("docker-archive:x", &reference, NULL), 0);
        assert_int_equal(source_open_archive(&reference, &input, &f->source, &f->error), 0);
        assert_int_equal(n_read, strlen(GZIP));
}

ARCHIVE_TEST(config_and_manifest_are_found_by_digest) {
        Fixture *f = *state;
        _cleanup_(freep) char *a = layer_text('a');
        _cleanup_(freep) char *ids = json_format("'%s'", sha_of(a));
        _cleanup_(freep) char *config =
                json_format("{'rootfs':{'type':'layers','diff_ids':[%s]}}", ids);
        _cleanup_(source_document_done) SourceDocument top = { 0 }, again = { 0 };
        Digest digest;
        int r;

        tar_file(&f->tar, "a.tar", a);
        add_image(f, ids, "'a.tar'");
        must_open(f);
        assert_blob(f->source, config);

        assert_int_equal(source_get_top(f->source, &top, NULL), 0);
        digest = digest_of_bytes(top.data, top.size);
        assert_int_equal(source_get_manifest(f->source, &digest, &again, NULL), 0);
        assert_string_equal(top.data, again.data);

        source_document_done(&again);
        digest = digest_of_bytes(a, strlen(a));
        r = source_get_manifest(f->source, &digest, &again, &f->error);
        assert_failure(r, &f->error, ERROR_NOT_FOUND, sha_of(a));
}

ARCHIVE_TEST(compressed_layers_are_hashed) {
        Fixture *f = *state;
        _cleanup_(oci_manifest_done) OciManifest image = { 0 };

        tar_file(&f->tar, "gz", GZIP);
        tar_file(&f->tar, "zst", ZSTD);
        tar_file(&f->tar, "xz", XZ);
        add_image(f, "'" SHA_A "','" SHA_B "','" SHA_C "'", "'gz','zst','xz'");
        must_open(f);
        get_image(f, &image);
        assert_layer(&image.layers[0], GZIP, OCI_LAYER "+gzip");
        assert_layer(&image.layers[1], ZSTD, OCI_LAYER "+zstd");
        assert_layer(&image.layers[2], XZ, OCI_LAYER);
        assert_blob(f->source, GZIP);
        assert_blob(f->source, ZSTD);
        assert_blob(f->source, XZ);
}

ARCHIVE_TEST(layers_may_be_links_and_repeated) {
        Fixture *f = *state;
        _cleanup_(freep) char *a = layer_text('a');
        _cleanup_(freep) char *ids =
                json_format("'%s','%s','%s','%s'", sha_of(a), SHA_B, sha_of(a), SHA_B);
        _cleanup_(oci_manifest_done) OciManifest image = { 0 };

        tar_symlink(&f->tar, "1/layer.tar", "../2/layer.tar");
        tar_file(&f->tar, "2/layer.tar", a);
        tar_file(&f->tar, "3.gz", GZIP);
        tar_hardlink(&f->tar, "4.gz", "3.gz");
        add_image(f, ids, "'1/layer.tar','3.gz','2/layer.tar','4.gz'");
        must_open(f);
        get_image(f, &image);
        assert_int_equal(image.n_layers, 4);
        assert_layer(&image.layers[0], a, OCI_LAYER);
        assert_layer(&image.layers[1], GZIP, OCI_LAYER "+gzip");
        assert_layer(&image.layers[2], a, OCI_LAYER);
        assert_layer(&image.layers[3], GZIP, OCI_LAYER "+gzip");
}

ARCHIVE_TEST(archive_with_a_layout_inside_is_read_as_a_docker_archive) {
        Fixture *f = *state;
        _cleanup_(freep) char *a = layer_text('a');
        _cleanup_(freep) char *config = config_of(a);
        _cleanup_(freep) char *oci = manifest_of(config, a);
        _cleanup_(freep) char *index = index_of(oci, "");
        _cleanup_(freep) char *manifest = json_format(
                "[{'Config':'%s','RepoTags':['x:1'],'Layers':['%s'],"
                "'LayerSources':{'%s':{'mediaType':'" OCI_LAYER "'}}}]",
                hex_name("blobs/sha256/", config), hex_name("blobs/sha256/", a), sha_of(a));
        _cleanup_(oci_manifest_done) OciManifest image = { 0 };

        tar_dir(&f->tar, "blobs/");
        tar_dir(&f->tar, "blobs/sha256/");
        tar_file(&f->tar, hex_name("blobs/sha256/", a), a);
        tar_file(&f->tar, hex_name("blobs/sha256/", config), config);
        tar_file(&f->tar, hex_name("blobs/sha256/", oci), oci);
        tar_file(&f->tar, "index.json", index);
        tar_file(&f->tar, "manifest.json", manifest);
        tar_file(&f->tar, "oci-layout", "{}");
        tar_file(&f->tar, "repositories", "{}");
        must_open(f);
        get_image(f, &image);
        assert_layer(&image.layers[0], a, OCI_LAYER);
        assert_blob(f->source, config);
        source_free(TAKE_PTR(f->source));

        assert_int_equal(open_source("oci-archive:x", f->fd, -EBADF, &f->source, &f->error), 0);
        assert_top(f->source, oci, OCI_MANIFEST);
        assert_blob(f->source, a);
}

ARCHIVE_TEST(image_is_selected_by_tag_or_number) {
        static const char *const right[] = { "docker-archive:x:x:1", "docker-archive:x:@0",
                                             "docker-archive:x:docker.io/library/x:1" };
        static const char *const wrong[] = { "docker-archive:x:x", "docker-archive:x:@1" };
        Fixture *f = *state;

        tar_file(&f->tar, "gz", GZIP);
        add_image(f, "'" SHA_A "'", "'gz'");
        must_open(f);
        for (size_t i = 0; i < N_ELEMENTS(right); i++) {
                source_free(TAKE_PTR(f->source));
                assert_int_equal(open_source(right[i], f->fd, -EBADF, &f->source, NULL), 0);
        }
        for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
                Source *source = NULL;
                int r;

                error_clear(&f->error);
                r = open_source(wrong[i], f->fd, -EBADF, &source, &f->error);
                assert_failure(r, &f->error, ERROR_INVALID_REFERENCE, "@0 'x:1'");
        }
}

ARCHIVE_TEST(member_that_is_missing_is_named) {
        Fixture *f = *state;

        add_image(f, "'" SHA_A "'", "'gone.tar'");
        assert_refused(f, ERROR_NOT_FOUND, "\"gone.tar\", which is layer 1 (" SHA_A ")");
}

ARCHIVE_TEST(config_that_is_missing_is_named) {
        Fixture *f = *state;

        tar_file(&f->tar, "manifest.json", "[{\"Config\":\"gone.json\",\"Layers\":[]}]");
        assert_refused(f, ERROR_NOT_FOUND, "\"gone.json\"");
}

ARCHIVE_TEST(archive_without_manifest_json_is_refused) {
        Fixture *f = *state;

        tar_file(&f->tar, "repositories", "{}");
        assert_refused(f, ERROR_NOT_FOUND, "no manifest.json");
}

ARCHIVE_TEST(layers_and_diff_ids_have_to_be_as_many) {
        Fixture *f = *state;

        tar_file(&f->tar, "gz", GZIP);
        add_image(f, "'" SHA_A "'", "'gz','gz'");
        assert_refused(f, ERROR_UNSUPPORTED_IMAGE, "2 layers, but its configuration names 1");
}

ARCHIVE_TEST(image_without_layers_is_refused) {
        Fixture *f = *state;

        add_image(f, "", "");
        assert_refused(f, ERROR_NO_LAYERS, "no layers");
}

ARCHIVE_TEST(layer_outside_of_the_archive_is_refused) {
        static const char *const layers[] = { "'../layer.tar'", "'/etc/passwd'", "'link'",
                                              "'device'", "'twice'" };

        for (size_t i = 0; i < N_ELEMENTS(layers); i++) {
                Fixture fixture = { .fd = -EBADF }, *f = &fixture;

                tar_symlink(&f->tar, "link", "../../layer.tar");
                tar_add(&f->tar, &(TarEntry){ .type = '4', .name = "device" });
                tar_file(&f->tar, "twice", GZIP);
                tar_file(&f->tar, "twice", ZSTD);
                add_image(f, "'" SHA_A "'", layers[i]);
                assert_refused(f, ERROR_UNSAFE_ARCHIVE, "Layer 1: ");
                error_clear(&f->error);
                bytes_done(&f->tar);
                closep(&f->fd);
        }
}

ARCHIVE_TEST(documents_have_a_ceiling) {
        Fixture *f = *state;
        _cleanup_(freep) char *big = calloc(1, (4 << 20) + 2);

        memset(big, ' ', (4 << 20) + 1);
        tar_file(&f->tar, "manifest.json", big);
        assert_refused(f, ERROR_LIMIT_EXCEEDED, "4194305");
}
