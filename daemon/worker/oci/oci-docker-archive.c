/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-docker-archive.h"
#include "oci-manifest.h"
#include "oci-value.h"

#define WHAT "archive's manifest.json"

static void texts_free(char **texts, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
        free(texts);
}

static void image_done(OciDockerArchiveImage *image) {
        texts_free(image->tags, image->n_tags);
        texts_free(image->layers, image->n_layers);
        free(image->config);
        *image = (OciDockerArchiveImage){ 0 };
}

void oci_docker_archive_done(OciDockerArchive *archive) {
        for (size_t i = 0; i < archive->n_images; i++)
                image_done(&archive->images[i]);
        free(archive->images);
        *archive = (OciDockerArchive){ 0 };
}

/* An array of texts; none when it is missing or null. *@ret_n counts while it is filled. */
static int read_texts(
        const json_t *image,
        const char *key,
        size_t limit,
        char ***ret,
        size_t *ret_n,
        Error *error) {
        json_t *array, *value;
        size_t i;
        int r;

        r = oci_value_get_array(image, key, WHAT, &array, error);
        if (r < 0)
                return r;
        if (json_array_size(array) > limit)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "'%s' in the " WHAT " has %zu entries, more than %zu", key,
                        json_array_size(array), limit);

        *ret = calloc(json_array_size(array) + 1, sizeof(**ret));
        if (!*ret)
                return error_oom(error);

        json_array_foreach(array, i, value) {
                if (!json_is_string(value))
                        return error_set(
                                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                                "An entry of '%s' in the " WHAT " is not a string", key);

                (*ret)[i] = strdup(json_string_value(value));
                if (!(*ret)[i])
                        return error_oom(error);
                (*ret_n)++;
        }

        return 0;
}

static int image_parse(const json_t *value, OciDockerArchiveImage *ret, Error *error) {
        static const char *const names[] = { "Config", "RepoTags", "Layers", NULL };
        _cleanup_(image_done) OciDockerArchiveImage image = { 0 };
        const char *config;
        int r;

        if (!json_is_object(value))
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "An image in the " WHAT " is not an object");

        r = oci_value_check_keys(value, names, WHAT, error);
        if (r >= 0)
                r = oci_value_get_string(value, "Config", WHAT, &config, error);
        if (r < 0)
                return r;
        if (!config)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "An image in the " WHAT " has no 'Config'");

        image.config = strdup(config);
        if (!image.config)
                return error_oom(error);
        r = read_texts(
                value, "RepoTags", DOCKER_ARCHIVE_TAGS_MAX, &image.tags, &image.n_tags, error);
        if (r >= 0)
                r = read_texts(value, "Layers", LAYERS_MAX, &image.layers, &image.n_layers, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(image);
        return 0;
}

int oci_docker_archive_parse(const void *data, size_t size, OciDockerArchive *ret, Error *error) {
        _cleanup_(oci_docker_archive_done) OciDockerArchive archive = { 0 };
        json_auto_t *images = NULL;
        json_t *value;
        size_t i;
        int r;

        r = oci_value_load_array(data, size, WHAT, &images, error);
        if (r < 0)
                return r;
        if (json_array_size(images) > DOCKER_ARCHIVE_IMAGES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The " WHAT " has %zu images, more than %zu", json_array_size(images),
                        DOCKER_ARCHIVE_IMAGES_MAX);

        archive.images = calloc(json_array_size(images) + 1, sizeof(archive.images[0]));
        if (!archive.images)
                return error_oom(error);

        json_array_foreach(images, i, value) {
                r = image_parse(value, &archive.images[i], error);
                if (r < 0)
                        return r;
                archive.n_images++;
        }

        *ret = TAKE_STRUCT(archive);
        return 0;
}
