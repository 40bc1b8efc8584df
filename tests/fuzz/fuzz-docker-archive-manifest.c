/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "oci-manifest.h"
#include "source-select.h"

static void check_failure(int r, const Error *error) {
        if (r >= 0 || error->code != -r || !error->message)
                __builtin_trap();
        for (const char *p = error->message; *p; p++)
                if (*p < ' ' || *p > '~')
                        __builtin_trap();
}

/* Whoever is selected is one of the images, and the only one or the one with that number. */
static void try_select(const OciDockerArchive *archive, const char *source) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const OciDockerArchiveImage *image;
        ReferenceSource reference;
        int r;

        if (reference_source_parse(source, &reference, NULL) < 0)
                __builtin_trap();
        r = source_select_docker(archive, &reference.selector, &image, &error);
        if (r < 0) {
                check_failure(r, &error);
                if (error.kind != ERROR_INVALID_REFERENCE)
                        __builtin_trap();
                return;
        }

        if (image < archive->images || image >= archive->images + archive->n_images)
                __builtin_trap();
        if (reference.selector.has_index
                    ? image != archive->images + reference.selector.index
                    : reference.selector.name[0] == '\0' && archive->n_images != 1)
                __builtin_trap();
}

/* Whatever is accepted is within the ceilings and has no NULL in it; every failure says why, in
 * printable characters. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(oci_docker_archive_done) OciDockerArchive archive = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r;

        r = oci_docker_archive_parse(data, size, &archive, &error);
        if (r < 0) {
                check_failure(r, &error);
                return 0;
        }

        if (archive.n_images > DOCKER_ARCHIVE_IMAGES_MAX)
                __builtin_trap();
        for (size_t i = 0; i < archive.n_images; i++) {
                const OciDockerArchiveImage *image = &archive.images[i];

                if (!image->config || image->n_layers > LAYERS_MAX ||
                    image->n_tags > DOCKER_ARCHIVE_TAGS_MAX)
                        __builtin_trap();
                for (size_t j = 0; j < image->n_layers; j++)
                        if (!image->layers[j])
                                __builtin_trap();
                for (size_t j = 0; j < image->n_tags; j++)
                        if (!image->tags[j])
                                __builtin_trap();
        }

        try_select(&archive, "docker-archive:x");
        try_select(&archive, "docker-archive:x:@1");
        try_select(&archive, "docker-archive:x:debian");
        return 0;
}
