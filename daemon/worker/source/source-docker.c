/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-text.h"
#include "hash.h"
#include "oci-config.h"
#include "oci-docker-archive.h"
#include "oci-layout.h"
#include "source-head.h"
#include "source-kinds.h"
#include "source-select.h"

/* A document that is kept. */
typedef struct Kept {
        char *data; /* owned */
        size_t size;
        Digest digest;
} Kept;

typedef struct DockerSource {
        Source source;
        SourceFiles *files; /* owned */
        Kept manifest;      /* made here */
        Kept config;
        OciManifest image;  /* owned; what @manifest says */
        char *name;         /* owned; the first tag, NULL when there is none */
        SourceFile *layers; /* owned; of each layer, borrows from @files */
} DockerSource;

static void docker_free(Source *source) {
        DockerSource *docker = (DockerSource *) source;

        oci_manifest_done(&docker->image);
        source_files_free(docker->files);
        free(docker->layers);
        free(docker->name);
        free(docker->manifest.data);
        free(docker->config.data);
        free(docker);
}

static void docker_freep(DockerSource **docker) {
        if (*docker)
                docker_free(&(*docker)->source);
}

static int missing(const Digest *digest, Error *error) {
        char text[DIGEST_STRING_MAX];

        return error_set(
                error, ENOENT, ERROR_NOT_FOUND, "The archive's image does not contain %s",
                digest_format(digest, text));
}

static int get_manifest(const DockerSource *docker, SourceDocument *ret, Error *error) {
        _cleanup_(source_document_done) SourceDocument document = { 0 };

        document.data = strdup(docker->manifest.data);
        document.size = docker->manifest.size;
        document.content_type = strdup(oci_media_type_to_string(MEDIA_TYPE_OCI_MANIFEST));
        if (!document.data || !document.content_type)
                return error_oom(error);

        *ret = TAKE_STRUCT(document);
        return 0;
}

static int docker_get_top(Source *source, SourceDocument *ret, Error *error) {
        return get_manifest((const DockerSource *) source, ret, error);
}

static int docker_get_manifest(
        Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        const DockerSource *docker = (const DockerSource *) source;

        return digest_equal(digest, &docker->manifest.digest) ? get_manifest(docker, ret, error)
                                                              : missing(digest, error);
}

/* The config was read already, and its digest is that of what was read. */
static int write_config(const Kept *config, const SourceBlobRequest *request, Error *error) {
        if ((request->size != SOURCE_SIZE_UNKNOWN && request->size != config->size) ||
            request->offset > config->size)
                return error_set(
                        error, EBADMSG, ERROR_DIGEST_MISMATCH, "The config has %zu bytes",
                        config->size);
        if (request->offset == config->size)
                return 0;

        return request->write(
                request->userdata, config->data + request->offset,
                config->size - (size_t) request->offset, error);
}

static int docker_get_blob(Source *source, const SourceBlobRequest *request, Error *error) {
        const DockerSource *docker = (const DockerSource *) source;

        if (digest_equal(request->digest, &docker->config.digest))
                return write_config(&docker->config, request, error);

        for (size_t i = 0; i < docker->image.n_layers; i++)
                if (digest_equal(request->digest, &docker->image.layers[i].digest))
                        return source_file_copy_blob(&docker->layers[i], request, error);

        return missing(request->digest, error);
}

static const SourceOps docker_ops = {
        .get_top = docker_get_top,
        .get_manifest = docker_get_manifest,
        .get_blob = docker_get_blob,
        .free = docker_free,
};

/* A file that is being hashed. */
typedef struct Hashing {
        const SourceFiles *files; /* borrowed */
        Hash *hash;               /* owned */
} Hashing;

static void hashing_done(Hashing *hashing) {
        hash_free(hashing->hash);
}

static int on_data(void *userdata, const void *data, size_t size, Error *error) {
        const Hashing *hashing = userdata;

        hash_update(hashing->hash, data, size);
        source_files_have_read(hashing->files, size);
        return 0;
}

static int hash_file(const SourceFiles *files, const SourceFile *file, Digest *ret, Error *error) {
        _cleanup_(hashing_done) Hashing hashing = { .files = files };
        int r;

        r = hash_new(DIGEST_SHA256, &hashing.hash, error);
        if (r >= 0)
                r = source_file_copy(file, 0, on_data, &hashing, error);
        if (r >= 0)
                hash_final(hashing.hash, ret);
        return r;
}

/* A descriptor as a manifest that was read would have it. */
static void describe(
        OciDescriptor *descriptor, const Digest *digest, uint64_t size, OciMediaType media_type) {
        *descriptor = (OciDescriptor){ .digest = *digest, .size = size, .media_type = media_type };
        stpcpy(descriptor->media_type_text, oci_media_type_to_string(media_type));
}

/* The earlier layer that is the same member; NULL when there is none. */
static const OciDescriptor *find_same(const DockerSource *docker, const SourceExtent *extent) {
        for (size_t i = 0; i < docker->image.n_layers; i++)
                if (docker->layers[i].extent.offset == extent->offset &&
                    docker->layers[i].extent.size == extent->size)
                        return &docker->image.layers[i];
        return NULL;
}

/* A layer that is not compressed has the digest that the config says: whoever reads it will see. */
static int describe_layer(
        DockerSource *docker, const SourceFile *file, const Digest *diff_id, Error *error) {
        OciDescriptor *descriptor = &docker->image.layers[docker->image.n_layers];
        const OciDescriptor *same = find_same(docker, &file->extent);
        Digest digest = *diff_id;
        SourceHead head;
        int r;

        r = source_head_read(file->fd, &file->extent, &head, error);
        if (r >= 0 && !source_head_is_tar(&head)) {
                if (same)
                        digest = same->digest;
                else
                        r = hash_file(docker->files, file, &digest, error);
        }
        if (r < 0)
                return r;

        describe(descriptor, &digest, file->extent.size, source_head_media_type(&head));
        docker->layers[docker->image.n_layers++] = *file;
        return 0;
}

static int find_layers(
        DockerSource *docker,
        const OciDockerArchiveImage *image,
        const OciConfig *config,
        Error *error) {
        char name[TEXT_QUOTE_MAX], diff_id[DIGEST_STRING_MAX];

        if (image->n_layers != config->n_diff_ids)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "The image in the archive has %zu layers, but its configuration names %zu",
                        image->n_layers, config->n_diff_ids);

        docker->image.layers = calloc(image->n_layers + 1, sizeof(docker->image.layers[0]));
        docker->layers = calloc(image->n_layers + 1, sizeof(docker->layers[0]));
        if (!docker->image.layers || !docker->layers)
                return error_oom(error);

        for (size_t i = 0; i < image->n_layers; i++) {
                SourceFile file;
                int r;

                r = source_files_open(docker->files, image->layers[i], &file, error);
                if (r == 0)
                        return error_set(
                                error, ENOENT, ERROR_NOT_FOUND,
                                "The archive has no member \"%s\", which is layer %zu (%s)",
                                text_quote(image->layers[i], name), i + 1,
                                digest_format(&config->diff_ids[i], diff_id));
                if (r > 0)
                        r = describe_layer(docker, &file, &config->diff_ids[i], error);
                if (r < 0)
                        return error_prefix(error, "Layer %zu", i + 1);
        }

        return 0;
}

static int read_config(
        DockerSource *docker, const OciDockerArchiveImage *image, OciConfig *ret, Error *error) {
        Kept *config = &docker->config;
        char name[TEXT_QUOTE_MAX];
        int r;

        r = source_files_read(docker->files, image->config, &config->data, &config->size, error);
        if (r == 0)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND,
                        "The archive has no member \"%s\", which is the image's configuration",
                        text_quote(image->config, name));
        if (r >= 0)
                r = hash_buffer(DIGEST_SHA256, config->data, config->size, &config->digest, error);
        if (r < 0)
                return r;

        docker->image.has_config = true;
        describe(&docker->image.config, &config->digest, config->size, MEDIA_TYPE_DOCKER_CONFIG);
        return oci_config_parse(config->data, config->size, ret, error);
}

static int read_image(DockerSource *docker, const OciDockerArchiveImage *image, Error *error) {
        _cleanup_(oci_config_done) OciConfig config = { 0 };
        Kept *manifest = &docker->manifest;
        int r;

        r = read_config(docker, image, &config, error);
        if (r >= 0)
                r = find_layers(docker, image, &config, error);
        if (r >= 0)
                r = oci_layout_manifest(&docker->image, &manifest->data, &manifest->size, error);
        if (r >= 0)
                r = hash_buffer(
                        DIGEST_SHA256, manifest->data, manifest->size, &manifest->digest, error);
        return r;
}

static int set_name(DockerSource *docker, const OciDockerArchiveImage *image, Error *error) {
        if (image->n_tags == 0)
                return 0;

        docker->name = strdup(image->tags[0]);
        docker->source.name = docker->name;
        return docker->name ? 0 : error_oom(error);
}

static int read_archive(const SourceFiles *files, OciDockerArchive *ret, Error *error) {
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        r = source_files_read(files, "manifest.json", &text, &size, error);
        if (r == 0)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND, "It contains no manifest.json: this is %s",
                        source_files_have(files, "index.json")
                                ? "an OCI image layout; use oci-archive:PATH"
                                : "not what \"docker save\" writes; for a tarball of a root file "
                                  "system give its path alone");
        return r < 0 ? r : oci_docker_archive_parse(text, size, ret, error);
}

int source_docker_open(
        SourceFiles *files, const ReferenceSelector *selector, Source **ret, Error *error) {
        _cleanup_(oci_docker_archive_done) OciDockerArchive archive = { 0 };
        _cleanup_(docker_freep) DockerSource *docker = NULL;
        const OciDockerArchiveImage *image;
        int r;

        r = read_archive(files, &archive, error);
        if (r >= 0)
                r = source_select_docker(&archive, selector, &image, error);
        if (r < 0)
                return r;

        docker = calloc(1, sizeof(*docker));
        if (!docker)
                return error_oom(error);

        docker->source.ops = &docker_ops;
        docker->files = files;
        r = set_name(docker, image, error);
        if (r >= 0)
                r = read_image(docker, image, error);
        if (r < 0) {
                docker->files = NULL; /* stay the caller's */
                return r;
        }

        *ret = &TAKE_PTR(docker)->source;
        return 0;
}
